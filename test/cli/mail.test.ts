import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ICAL from 'ical.js';
import PostalMime from 'postal-mime';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Mailer, Outcome, OutgoingMail } from '../../src/mail/types.ts';
import { openTestCli, type TestCli } from './harness.ts';

const sent: OutgoingMail[] = [];
let outcome: Outcome;
const mailer: Mailer = {
  kind: 'smtp',
  send: (message) => {
    sent.push(message);
    return Promise.resolve(outcome);
  },
  check: () => Promise.resolve({ ok: true, detail: 'ready' }),
  close: () => Promise.resolve(),
};

let cli: TestCli;
beforeAll(async () => {
  cli = await openTestCli({ mailer });
});
beforeEach(async () => {
  sent.length = 0;
  outcome = { result: 'accepted', response: '250 2.0.0 queued' };
  await cli.reset();
  await cli.run('settings', 'set', 'contactEmail', 'network@example.org');
});
afterAll(() => cli[Symbol.asyncDispose]());

const LINK = ['--link', 'https://zoom.us/j/123456789'];
const WHEN = ['--start', '2027-06-02T19:00', '--zone', 'Europe/London', '--duration', '60'];

interface Preview {
  subject: string;
  files: Record<'html' | 'txt' | 'ics' | 'eml', string>;
}

async function addMeeting(title: string): Promise<string> {
  const added = await cli.run(
    'meetings',
    'add',
    '--title',
    title,
    ...WHEN,
    ...LINK,
    '--remind',
    '7d@09:00',
    '--json',
  );
  return added.json<{ id: string }>().id;
}

describe('preview', () => {
  it('writes a notice in all its forms, which name the same instant', async () => {
    await addMeeting('Splints & slings');
    const { status, json } = await cli.run('preview', '--kind', 'reminder', '--out', 'shown', '--json');
    expect(status).toBe(0);
    const { files, subject } = json<Preview>();
    expect(files).toEqual({
      html: path.join(cli.folder, 'shown', 'reminder.html'),
      txt: path.join(cli.folder, 'shown', 'reminder.txt'),
      ics: path.join(cli.folder, 'shown', 'reminder.ics'),
      eml: path.join(cli.folder, 'shown', 'reminder.eml'),
    });
    const said = 'Wednesday 2 June 2027, 7 pm (UK time)';
    expect(readFileSync(files.txt, 'utf8')).toContain(said);
    expect(readFileSync(files.html, 'utf8')).toContain(said);
    const event = new ICAL.Component(ICAL.parse(readFileSync(files.ics, 'utf8'))).getFirstSubcomponent(
      'vevent',
    )!;
    expect(new ICAL.Event(event).startDate.toJSDate().toISOString()).toBe('2027-06-02T18:00:00.000Z');
    const mail = await new PostalMime().parse(readFileSync(files.eml));
    expect(mail).toMatchObject({ subject, from: { address: 'network@example.org' } });
    expect(mail.headers.map(({ key }) => key)).toEqual(
      expect.arrayContaining(['list-unsubscribe', 'list-unsubscribe-post', 'list-id', 'auto-submitted']),
    );
    expect(mail.attachments.map(({ mimeType }) => mimeType)).toContain('text/calendar');
  });

  it.each(['invitation', 'changed', 'cancelled'])(
    'shows the kind %s before there is any meeting',
    async (kind) => {
      const { status, json } = await cli.run('preview', '--kind', kind, '--out', kind, '--json');
      expect(status).toBe(0);
      const method = kind === 'cancelled' ? 'CANCEL' : 'PUBLISH';
      expect(readFileSync(json<Preview>().files.ics, 'utf8')).toContain(`METHOD:${method}\r\n`);
    },
  );

  it('shows the words of the reminder that is asked for, as a certain person gets them', async () => {
    const meeting = await addMeeting('Splinting');
    await cli.run('subscribers', 'add', 'zoe@example.org', '--name', 'Zoë Adams');
    const argv = ['preview', '--kind', 'reminder', '--meeting', meeting, '--out', 'as', '--json'];
    const week = (await cli.run(...argv)).json<Preview>();
    const weekText = readFileSync(week.files.txt, 'utf8');
    const hour = (await cli.run(...argv, '--remind', '1h', '--as', 'zoe@example.org')).json<Preview>();
    const hourText = readFileSync(hour.files.txt, 'utf8');
    expect(weekText).toContain('Hello Ann,');
    expect(hourText).toContain('Hello Zoë,');
    expect(hour.subject).not.toBe(week.subject);
  });

  it.each([
    [['--kind', 'remindr', '--out', 'x'], 'kind', 'did you mean reminder?'],
    [['--kind', 'reminder'], 'out', 'folder'],
    [['--out', 'x'], 'kind', ''],
    [['--kind', 'reminder', '--out', 'x', '--remind', 'soon'], 'remind', ''],
  ])('refuses %j', async (argv, field, words) => {
    const { status, stderr } = await cli.run('preview', ...argv, '--json');
    expect(status).toBe(2);
    const { error } = JSON.parse(stderr) as { error: { problems: { field: string; message: string }[] } };
    expect(error.problems[0]!.message).toContain(words);
    expect(error.problems[0]!.field).toBe(field);
    expect(existsSync(path.join(cli.folder, 'x'))).toBe(false);
  });
});

describe('send-test', () => {
  it('sends one plain mail and says what the server answered', async () => {
    const { status, stdout } = await cli.run('send-test', '--to', 'ann@example.org');
    expect(status).toBe(0);
    expect(stdout).toBe('The mail server took it: 250 2.0.0 queued\n');
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({
      to: { address: 'ann@example.org' },
      from: { address: 'network@example.org' },
    });
    expect(sent[0]).not.toHaveProperty('listId');
  });

  it('sends a notice as a subscriber would get it', async () => {
    const argv = ['send-test', '--to', 'ann@example.org', '--kind', 'reminder', '--json'];
    const { json } = await cli.run(...argv);
    expect(json()).toMatchObject({ to: 'ann@example.org', via: 'smtp', response: '250 2.0.0 queued' });
    expect(sent[0]).toMatchObject({ calendar: { method: 'PUBLISH' } });
    await cli.run(...argv);
    expect(sent[1]!.messageId).not.toBe(sent[0]!.messageId);
  });

  it('fails with the reason when the mail was not taken', async () => {
    outcome = {
      result: 'refused',
      fault: 'sender',
      code: '535',
      reason: 'The mail server did not accept the password.',
    };
    const { status, stderr } = await cli.run('send-test', '--to', 'ann@example.org', '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'remote_refused', message: expect.stringContaining('password') as string },
    });
  });

  it('refuses what is no address, and a group without a sender', async () => {
    const wrong = await cli.run('send-test', '--to', 'ann example.org', '--json');
    expect(wrong.status).toBe(2);
    expect(JSON.parse(wrong.stderr)).toMatchObject({ error: { problems: [{ field: 'to' }] } });
    await cli.run('settings', 'set', 'contactEmail', '');
    expect((await cli.run('send-test', '--to', 'ann@example.org')).stderr).toContain('MAIL_FROM');
    expect(sent).toEqual([]);
  });
});
