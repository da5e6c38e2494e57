import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/cli/host.ts';
import { loadConfig } from '../../src/config/load.ts';
import { templatesFolder } from '../../src/kernel/paths.ts';
import { checkDkimKey } from '../../src/mail/dkim.ts';
import type { Mailer } from '../../src/mail/types.ts';
import { backupFinding } from '../../src/process/doctor/backups.ts';
import { configurationFindings } from '../../src/process/doctor/configuration.ts';
import {
  clockFinding,
  dataFolderFinding,
  spaceFinding,
  zoneFinding,
} from '../../src/process/doctor/machine.ts';
import {
  dkimFinding,
  mailerliteFinding,
  mailFinding,
  templatesFinding,
  zoomFinding,
} from '../../src/process/doctor/services.ts';
import { inspect } from '../../src/process/inspect.ts';
import { lazyRenderer } from '../../src/process/lazy-renderer.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { startFakeMailerLite } from '../support/fake-mailerlite/index.ts';

const NOW = Temporal.Instant.from('2026-11-01T10:00:00Z');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'convenor-doctor-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function states(findings: readonly Finding[]): string[] {
  return findings.map(({ check, state }) => `${check}: ${state}`);
}

describe('the configuration', () => {
  it('is explained setting by setting', () => {
    const { config, findings } = configurationFindings({ PORT: 'many', LOG_LEVEL: 'loud' });
    expect(config).toBeUndefined();
    expect(states(findings)).toEqual(['Configuration: problem', 'Configuration: problem']);
    expect(findings[0]!.detail).toContain('PORT must be a whole number');
  });

  it.each([
    [{}, ['Configuration: ok']],
    [{ SMTP_URL: 'smtp://mail.example.org' }, ['Configuration: ok', 'Public address: problem']],
    [
      { SMTP_URL: 'smtp://mail.example.org', BASE_URL: 'http://network.example.org' },
      ['Configuration: ok', 'Public address: warning'],
    ],
    [{ SMTP_URL: 'smtp://mail.example.org', BASE_URL: 'https://network.example.org' }, ['Configuration: ok']],
    [{ DATABASE_URL: 'postgres://localhost/convenor' }, ['Configuration: ok', 'Secret key: warning']],
  ])('of %j raises the right doubts', (environment, expected) => {
    const { findings } = configurationFindings({ MAIL_FROM: 'a@example.org', ...environment });
    expect(states(findings)).toEqual(expected);
  });
});

describe('the machine', () => {
  it('needs a data folder that can be written and has room', async () => {
    expect(await dataFolderFinding(folder)).toMatchObject({ check: 'Data folder' });
    writeFileSync(path.join(folder, 'file'), '');
    expect(await dataFolderFinding(path.join(folder, 'file', 'data'))).toMatchObject({ state: 'problem' });
    expect(spaceFinding(folder, 5 * 2 ** 30).state).toBe('ok');
    expect(spaceFinding(folder, 2 ** 30).state).toBe('warning');
    expect(spaceFinding(folder, 2 ** 20).state).toBe('problem');
  });

  it('knows the changes of the clocks', () => {
    expect(zoneFinding(NOW).state).toBe('ok');
  });

  it('has a clock that agrees with the others', () => {
    expect(clockFinding(NOW, {})).toEqual({
      check: 'Clock',
      state: 'ok',
      detail: 'Sunday 1 November 2026, 10 am (UTC)',
    });
    expect(clockFinding(NOW, { database: NOW.add({ seconds: 3 }), newestRow: NOW }).state).toBe('ok');
    expect(clockFinding(NOW, { database: NOW.subtract({ seconds: 30 }) })).toMatchObject({
      state: 'problem',
      detail: 'this machine and the database are 30 seconds apart',
    });
    expect(clockFinding(NOW, { database: NOW, newestRow: NOW.add({ hours: 2 }) })).toMatchObject({
      state: 'problem',
      detail: expect.stringContaining('2 hours behind') as string,
    });
  });
});

describe('backups', () => {
  it.each([
    [undefined, 'warning'],
    ['2026-11-01T09:00:00Z', 'ok'],
    ['2026-10-25T09:00:00Z', 'ok'],
    ['2026-10-20T09:00:00Z', 'warning'],
  ])('the newest of %s is a matter of %s', async (made, state) => {
    const backups = path.join(folder, 'backups');
    if (made !== undefined) {
      mkdirSync(backups);
      writeFileSync(path.join(backups, 'one.gz'), '');
      const seconds = Temporal.Instant.from(made).epochMilliseconds / 1000;
      utimesSync(path.join(backups, 'one.gz'), seconds, seconds);
    }
    expect((await backupFinding(backups, NOW)).state).toBe(state);
  });
});

describe('mail', () => {
  const mailer = (kind: Mailer['kind'], ok: boolean): Mailer => ({
    kind,
    send: () => Promise.reject(new Error('not here')),
    check: () => Promise.resolve({ ok, detail: 'as the server says' }),
    close: () => Promise.resolve(),
  });

  it('is well with a server that answers, doubtful without one, a problem with one that does not', async () => {
    expect(await mailFinding(mailer('smtp', true))).toMatchObject({
      state: 'ok',
      detail: 'as the server says',
    });
    expect(await mailFinding(mailer('outbox', true))).toMatchObject({ state: 'warning' });
    expect(await mailFinding(mailer('smtp', false))).toMatchObject({ state: 'problem' });
  });

  describe('signatures', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const dkim = { DKIM_DOMAIN: 'example.org', DKIM_SELECTOR: 'convenor', DKIM_PRIVATE_KEY: pem };
    const config = loadConfig(dkim);
    const { record } = checkDkimKey({ domain: 'example.org', selector: 'convenor', privateKey: pem });

    it('are left to the mail server without a key', async () => {
      expect(await dkimFinding(loadConfig({}))).toMatchObject({ state: 'ok' });
    });

    it('need the key that is published to be the one that signs', async () => {
      const looked: string[] = [];
      const parts = [record.value.slice(0, 200), record.value.slice(200)];
      const found = await dkimFinding(config, (name) => {
        looked.push(name);
        return Promise.resolve([['v=spf1 -all'], parts]);
      });
      expect(found.state).toBe('ok');
      expect(looked).toEqual(['convenor._domainkey.example.org']);
      const other = await dkimFinding(config, () => Promise.resolve([['v=DKIM1; k=rsa; p=MIIB']]));
      expect(other).toMatchObject({
        state: 'problem',
        advice: expect.stringContaining(record.value) as string,
      });
    });

    it('say what to publish where nothing is, and do not blame the key for a name server that is away', async () => {
      const failing = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }));
      expect(await dkimFinding(config, failing('ENOTFOUND'))).toMatchObject({
        state: 'problem',
        advice: expect.stringContaining(record.name) as string,
      });
      expect(await dkimFinding(config, failing('ETIMEOUT'))).toMatchObject({ state: 'warning' });
    });

    it('cannot be made with a key that is none', async () => {
      const wrong = loadConfig({ ...dkim, DKIM_PRIVATE_KEY: 'not a key' });
      expect(await dkimFinding(wrong)).toMatchObject({ state: 'problem' });
    });
  });
});

describe('templates', () => {
  it('are tried out, the organisation’s own among them', () => {
    const renderer = (overridesFolder: string) =>
      lazyRenderer(() => createRenderer({ templatesFolder, overridesFolder }));
    expect(templatesFinding(renderer(folder)).state).toBe('ok');
    mkdirSync(path.join(folder, 'email', 'test'), { recursive: true });
    writeFileSync(path.join(folder, 'email', 'test', 'subject.hbs'), '{{nothing.of.the.kind}}');
    expect(templatesFinding(renderer(folder))).toMatchObject({
      state: 'problem',
      detail: expect.stringContaining('subject.hbs') as string,
    });
  });
});

describe('MailerLite', () => {
  it('is off without a key', async () => {
    expect(await mailerliteFinding(loadConfig({}))).toMatchObject({ state: 'ok' });
  });

  it('tells a wrong key from a missing and a working webhook', async () => {
    const fake = await startFakeMailerLite();
    const config = (key: string) =>
      loadConfig({
        MAILERLITE_API_KEY: key,
        MAILERLITE_API_URL: fake.baseUrl,
        BASE_URL: 'https://network.example.org',
      });
    try {
      expect(await mailerliteFinding(config('wrong'))).toMatchObject({ state: 'problem' });
      expect(await mailerliteFinding(config(fake.apiKey))).toMatchObject({
        state: 'warning',
        detail: expect.stringContaining('does not report') as string,
      });
    } finally {
      await fake.close();
    }
  });
});

describe('Zoom', () => {
  const config = loadConfig({});
  const client = (host: { licensed: boolean; active: boolean } | Error) =>
    ({
      checkHost: () => (host instanceof Error ? Promise.reject(host) : Promise.resolve({ id: 'h', ...host })),
    }) as never;

  it.each([
    ['', { licensed: true, active: true }, 'warning'],
    ['host@example.org', { licensed: true, active: true }, 'ok'],
    ['host@example.org', { licensed: false, active: true }, 'warning'],
    ['host@example.org', { licensed: true, active: false }, 'problem'],
    ['host@example.org', new Error('Zoom does not accept the client secret.'), 'problem'],
  ])('with the host "%s" and the answer %j is %s', async (host, answer, state) => {
    expect((await zoomFinding(config, host, client(answer))).state).toBe(state);
  });

  it('is off without an account', async () => {
    expect(await zoomFinding(config, '')).toMatchObject({ state: 'ok' });
  });
});

describe('the doctor', () => {
  it('looks at everything, most basic first, on a new data folder', async () => {
    const findings: Finding[] = [];
    const environment = { DATA_DIR: folder, REDIS_SERVER_BIN: process.execPath };
    for await (const finding of inspect(environment)) findings.push(finding);
    expect(findings.map(({ check }) => check)).toEqual([
      'Configuration',
      'Data folder',
      'Time zones',
      'Database',
      'Clock',
      'Redis',
      'Templates',
      'Mail',
      'DKIM',
      'MailerLite',
      'Zoom',
      'Background work',
      'Backups',
    ]);
    expect(findings.filter(({ state }) => state === 'problem')).toEqual([]);
    for (const { state, advice } of findings) expect(advice === undefined).toBe(state === 'ok');
  });

  it('stops at a configuration that it cannot read', async () => {
    const findings: Finding[] = [];
    for await (const finding of inspect({ DATA_DIR: folder, PORT: 'many' })) findings.push(finding);
    expect(states(findings)).toEqual(['Configuration: problem']);
  });
});
