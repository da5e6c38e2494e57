import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OutgoingMail } from '../../src/mail/types.ts';
import { createOutboxMailer } from '../../src/outbox/outbox-mailer.ts';
import { openTestCli, type TestCli } from './harness.ts';

let cli: TestCli;
beforeAll(async () => {
  cli = await openTestCli();
});
beforeEach(() => cli.reset());
afterAll(() => cli[Symbol.asyncDispose]());

async function keep(n: number): Promise<void> {
  const mailer = createOutboxMailer(cli.database.db, { clock: cli.clock });
  const mail: OutgoingMail = {
    messageId: `m${n}@example.org`,
    from: { name: 'The group', address: 'network@example.org' },
    to: { address: `p${n}@example.org` },
    subject: `Mail number ${n}`,
    html: `<p>Hello ${n}</p>`,
    text: `Hello ${n}`,
  };
  await mailer.send(mail);
  cli.clock.advance({ seconds: 1 });
}

interface Entry {
  id: string;
  subject: string;
  recipient: string;
}

describe('outbox', () => {
  it('lists kept mails, the newest first, and finds some', async () => {
    for (let n = 1; n <= 3; n++) await keep(n);
    const all = (await cli.run('outbox', 'list', '--json')).json<Entry[]>();
    expect(all.map(({ subject }) => subject)).toEqual(['Mail number 3', 'Mail number 2', 'Mail number 1']);
    expect(all[0]).toMatchObject({
      recipient: 'p3@example.org',
      messageId: 'm3@example.org',
      at: '2026-11-01T10:00:02Z',
    });
    expect((await cli.run('outbox', 'list', 'p2@', '--json')).json<Entry[]>()).toHaveLength(1);
    expect((await cli.run('outbox', 'list')).stdout).toContain('Sun 1 Nov 2026, 10 am');
  });

  it('shows one as it would have gone out', async () => {
    await keep(1);
    const [entry] = (await cli.run('outbox', 'list', '--json')).json<Entry[]>();
    const shown = await cli.run('outbox', 'show', entry!.id.slice(-8), '--json');
    expect(shown.json()).toMatchObject({
      id: entry!.id,
      text: expect.stringContaining('Hello 1') as string,
      attachments: [],
    });
    expect((await cli.run('outbox', 'show', entry!.id)).stdout).toMatch(/To +p1@example\.org\n/);
    expect((await cli.run('outbox', 'show', entry!.id, '--source')).stdout).toContain(
      'Subject: Mail number 1\r\n',
    );
  });

  it('says when there is nothing', async () => {
    expect((await cli.run('outbox', 'list')).stdout).toBe('There is no mail in the outbox.\n');
    expect((await cli.run('outbox', 'list', '--json')).json()).toEqual([]);
    expect((await cli.run('outbox', 'show', '00000000')).status).toBe(1);
  });
});
