import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/organisation/audit.ts';
import { countSubscribers } from '../../src/subscribers/subscriber-search.ts';
import { openTestCli, type TestCli } from './harness.ts';

let cli: TestCli;
beforeAll(async () => {
  cli = await openTestCli();
});
beforeEach(() => cli.reset());
afterAll(() => cli[Symbol.asyncDispose]());

function write(name: string, content: string | Buffer): string {
  writeFileSync(path.join(cli.folder, name), content);
  return name;
}

interface Person {
  id: string;
  email: string;
  state: string;
  topics: string[];
}

describe('subscribers add and show', () => {
  it('puts a person on the list with what they agreed to', async () => {
    const argv = ['Zoe@Example.org', '--name', 'Zoë Adams', '--topic', 'training', '--topic', 'meetings'];
    const more = ['--member-kind', 'OT', '--hcpc-number', 'OT012345', '--note', 'signed the sheet on 2 June'];
    const added = await cli.run('subscribers', 'add', ...argv, ...more, '--json');
    expect(added.status).toBe(0);
    expect(added.json()).toMatchObject({
      email: 'Zoe@Example.org',
      name: 'Zoë Adams',
      state: 'active',
      topics: ['meetings', 'training'],
      memberKind: 'occupational_therapist',
      hcpcNumber: 'OT012345',
      suppressed: null,
      createdAt: '2026-11-01T10:00:00Z',
    });
    expect(cli.nudges()).toBe(1);
    const shown = await cli.run('subscribers', 'show', 'zoe@example.org');
    expect(shown.stdout).toContain('Sunday 1 November 2026, 10 am (UK time)');
    const consent = await cli.run('consent', 'show', 'zoe@example.org', '--json');
    expect(consent.json()).toHaveLength(2);
    expect(consent.json<unknown[]>()[0]).toMatchObject({ act: 'given', note: 'signed the sheet on 2 June' });
    expect((await cli.run('consent', 'show', 'zoe@example.org')).stdout).toContain('signed the sheet');
  });

  it.each([
    [['a b@example.org'], 'email'],
    [['ann@example.org', '--topic', 'gossip'], 'topic'],
    [['ann@example.org', '--hcpc-number', '12'], 'hcpcNumber'],
  ])('refuses %j and changes nothing', async (argv, field) => {
    const { status, stderr } = await cli.run('subscribers', 'add', ...argv, '--json');
    expect(status).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({ error: { problems: [{ field }] } });
    expect(await countSubscribers(cli.database.db)).toBe(0);
  });

  it('does not know who is not there', async () => {
    const { status, stderr } = await cli.run('subscribers', 'show', 'nobody@example.org', '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'not_found' } });
  });
});

describe('subscribers import', () => {
  it('gives its report in the agreed shape', async () => {
    await cli.run('subscribers', 'add', 'known@example.org');
    const file = write(
      'people.csv',
      '\ufeffName,E-mail\r\n"Adams, Zoë",zoe@example.org\r\n,known@example.org\r\nBo,bo example.org\r\nZ,zoe@example.org\r\n',
    );
    const { status, json } = await cli.run('subscribers', 'import', file, '--json');
    expect(status).toBe(0);
    expect(json()).toEqual({
      read: 4,
      added: 1,
      updated: 1,
      unchanged: 1,
      rejected: [{ line: 4, email: 'bo example.org', reason: expect.stringContaining('space') as string }],
    });
    const audit = await listAudit(cli.database.db);
    expect(audit.find(({ action }) => action === 'subscribers.imported')).toMatchObject({ actor: 'cli' });
  });

  it('shows a person the rejected lines', async () => {
    const file = write('people.csv', 'email\nann@example.org\nbo example.org\n');
    const { status, stdout, stderr } = await cli.run('subscribers', 'import', file);
    expect(status).toBe(0);
    expect(stdout).toMatch(/Added +1\n/);
    expect(stdout).toMatch(/3 +bo example\.org +.*space/);
    expect(stderr).toBe('');
  });

  it('draws its progress at a terminal and takes it away again', async () => {
    const file = write(
      'people.csv',
      `email\n${Array.from({ length: 3_000 }, (_, n) => `p${n}@example.org\n`).join('')}`,
    );
    const { status, stderr } = await cli.runAtTerminal({}, 'subscribers', 'import', file);
    expect(status).toBe(0);
    expect(stderr).toContain('Importing');
    expect(stderr).toContain('100 %');
    expect(stderr.endsWith('\r\u001b[K')).toBe(true);
    expect((await cli.runAtTerminal({}, 'subscribers', 'import', file, '--json')).stderr).toBe('');
    expect(await countSubscribers(cli.database.db)).toBe(3_000);
  });

  it.each([
    ['missing.csv', undefined],
    ['empty.csv', ''],
    ['latin1.csv', Buffer.from('email,name\nzoe@example.org,Zo\xeb\n', 'latin1')],
    ['open-quote.csv', 'email,name\nann@example.org,"Ann\n'],
    ['no-column.csv', 'name\nAnn\n'],
  ])('refuses %s, names the file and changes nothing', async (name, content) => {
    if (content !== undefined) write(name, content);
    const { status, stdout, stderr } = await cli.run('subscribers', 'import', name, '--json');
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'invalid_input', problems: [{ field: 'file' }] },
    });
    expect(await countSubscribers(cli.database.db)).toBe(0);
  });

  it('stops when the person breaks it off', async () => {
    const file = write('people.csv', 'email\nann@example.org\n');
    const signal = AbortSignal.abort();
    const { status, stderr } = await cli.runAtTerminal({ signal }, 'subscribers', 'import', file);
    expect(status).toBe(1);
    expect(stderr).toContain('Broken off');
    expect(await countSubscribers(cli.database.db)).toBe(0);
  });
});

describe('subscribers list', () => {
  beforeEach(async () => {
    const lines = Array.from(
      { length: 60 },
      (_, n) => `Person ${n},p${String(n).padStart(2, '0')}@example.org\n`,
    );
    await cli.run('subscribers', 'import', write('people.csv', `name,email\n${lines.join('')}`));
  });

  it('gives everybody as JSON and the first to a person, with how many more there are', async () => {
    expect((await cli.run('subscribers', 'list', '--json')).json<Person[]>()).toHaveLength(60);
    const { stdout } = await cli.run('subscribers', 'list');
    expect(stdout).toContain('p49@example.org');
    expect(stdout).not.toContain('p50@example.org');
    expect(stdout).toContain('… and 10 more.');
  });

  it('narrows by words, state and topic', async () => {
    await cli.run('subscribers', 'add', 'zoe@example.org', '--name', 'Zoë', '--topic', 'training');
    const emails = async (...argv: string[]) =>
      (await cli.run('subscribers', 'list', ...argv, '--json')).json<Person[]>().map(({ email }) => email);
    expect(await emails('zoë')).toEqual(['zoe@example.org']);
    expect(await emails('--topic', 'training')).toEqual(['zoe@example.org']);
    expect(await emails('--state', 'left')).toEqual([]);
    expect(await emails('person', '7')).toEqual(
      ['p07', 'p17', 'p27', 'p37', 'p47', 'p57'].map((p) => `${p}@example.org`),
    );
    expect((await cli.run('subscribers', 'list', '--state', 'gone')).status).toBe(2);
    expect((await cli.run('subscribers', 'list', 'nobody')).stdout).toBe('Nobody is found.\n');
  });
});

describe('subscribers unsubscribe, remove and export', () => {
  beforeEach(async () => {
    await cli.run(
      'subscribers',
      'add',
      'zoe@example.org',
      '--name',
      'Zoë',
      '--topic',
      'training',
      '--topic',
      'meetings',
    );
  });

  it('turns one topic off, then everything', async () => {
    const one = await cli.run(
      'subscribers',
      'unsubscribe',
      'zoe@example.org',
      '--topic',
      'training',
      '--json',
    );
    expect(one.json()).toMatchObject({ withdrawn: ['training'], remaining: ['meetings'], excluded: 0 });
    const all = await cli.run('subscribers', 'unsubscribe', 'zoe@example.org');
    expect(all.stdout).toBe('Zoë gets no more mail.\n');
    const back = await cli.run(
      'subscribers',
      'import',
      write('back.csv', 'email\nzoe@example.org\n'),
      '--json',
    );
    expect(back.json()).toMatchObject({ added: 0, rejected: [{ email: 'zoe@example.org' }] });
  });

  it('removes with a reason only', async () => {
    expect((await cli.run('subscribers', 'remove', 'zoe@example.org')).status).toBe(2);
    const removed = await cli.run(
      'subscribers',
      'remove',
      'zoe@example.org',
      '--reason',
      'Sold things.',
      '--json',
    );
    expect(removed.json()).toMatchObject({ state: 'removed', topics: [], suppressed: 'removed' });
  });

  it('gives the whole record, for machines and for people', async () => {
    const { json } = await cli.run('subscribers', 'export', 'zoe@example.org', '--json');
    expect(json()).toMatchObject({ person: { email: 'zoe@example.org' }, consent: { length: 2 } });
    const { stdout } = await cli.run('subscribers', 'export', 'zoe@example.org');
    expect(stdout).toContain('What you agreed to and when');
    expect(stdout).toContain('given, training, by administrator');
  });
});

describe('subscribers erase', () => {
  beforeEach(async () => {
    await cli.run('subscribers', 'add', 'zoe@example.org', '--name', 'Zoë');
  });

  it('erases after a clear yes only', async () => {
    expect((await cli.run('subscribers', 'erase', 'zoe@example.org', '--json')).status).toBe(2);
    for (const answer of ['no', undefined]) {
      expect(
        (await cli.runAtTerminal({ answers: [answer] }, 'subscribers', 'erase', 'zoe@example.org')).status,
      ).toBe(1);
    }
    expect(await countSubscribers(cli.database.db)).toBe(1);
    const erased = await cli.runAtTerminal({ answers: ['yes'] }, 'subscribers', 'erase', 'zoe@example.org');
    expect(erased).toMatchObject({
      status: 0,
      stdout: 'Erased.\n',
      asked: [{ kind: 'confirm', initial: 'no' }],
    });
    expect(await countSubscribers(cli.database.db)).toBe(0);
  });

  it('keeps the address from coming back', async () => {
    expect((await cli.run('subscribers', 'erase', 'zoe@example.org', '--yes')).status).toBe(0);
    const back = await cli.run(
      'subscribers',
      'import',
      write('back.csv', 'email\nzoe@example.org\n'),
      '--json',
    );
    expect(back.json()).toMatchObject({ added: 0, rejected: [{ line: 2 }] });
    expect((await cli.run('consent', 'verify', '--json')).json()).toMatchObject({ ok: true });
  });
});

describe('consent verify', () => {
  it('says that the ledger is sound, or names the row that is not', async () => {
    await cli.run('subscribers', 'add', 'ann@example.org');
    await cli.run('subscribers', 'add', 'bo@example.org');
    expect((await cli.run('consent', 'verify', '--json')).json()).toMatchObject({ ok: true, events: 2 });
    expect((await cli.run('consent', 'verify')).stdout).toContain('sound: 2 acts');
    await cli.database.db.execute(sql.raw('alter table consent_events disable trigger user'));
    await cli.database.db.execute(sql.raw(`update consent_events set note = 'changed' where seq = 1`));
    await cli.database.db.execute(sql.raw('alter table consent_events enable trigger user'));
    const { status, stdout } = await cli.run('consent', 'verify');
    expect(status).toBe(1);
    expect(stdout).toContain('NOT sound at row 1');
  });
});
