import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import type { Mailer, OutgoingMail } from '../../src/mail/types.ts';
import { composeMessage } from '../../src/mail/compose.ts';
import { createOutboxMailer } from '../../src/outbox/outbox-mailer.ts';
import { countOutbox, listOutbox, readOutboxMessage } from '../../src/outbox/outbox.ts';
import { exampleMail } from '../mail/smtp-fixture.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';

let database: OpenDatabase;
let clock: ManualClock;
let mailer: Mailer;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock = new ManualClock('2027-06-01T08:00:00Z');
  mailer = createOutboxMailer(database.db, { clock });
});

const DELIVERY = '018f3a5e-7c00-7000-8000-0000000000d1';

async function keep(changes: Partial<OutgoingMail> = {}) {
  return mailer.send(exampleMail(changes));
}

describe('the outbox as a mailer', () => {
  it('keeps the message exactly as it would have gone out, and says that it was not sent', async () => {
    expect(await keep({ deliveryId: DELIVERY })).toEqual({
      result: 'accepted',
      response: 'kept in the outbox, not sent',
    });
    const { entries } = await listOutbox(database.db);
    expect(entries).toMatchObject([
      { recipient: 'ann@example.org', deliveryId: DELIVERY, messageId: `${DELIVERY}@otgroup.example` },
    ]);
    expect(entries[0]!.at.equals(clock.now())).toBe(true);
    const { raw } = await readOutboxMessage(database.db, entries[0]!.id);
    expect(Buffer.from(raw).equals(await composeMessage(exampleMail()))).toBe(true);
    expect(entries[0]!.size).toBe(raw.length);
  });

  it('dates a mail that has no date by the clock', async () => {
    const { date: _date, ...undated } = exampleMail();
    await mailer.send(undated);
    const { entries } = await listOutbox(database.db);
    const { headers } = await readOutboxMessage(database.db, entries[0]!.id);
    expect(headers.find((h) => h.name === 'Date')?.value).toBe('Tue, 01 Jun 2027 08:00:00 +0000');
  });

  it('sets aside what cannot be composed and keeps nothing of it', async () => {
    expect(await keep({ to: { address: 'ann example' } })).toMatchObject({
      result: 'refused',
      fault: 'address',
    });
    expect(await mailer.send(exampleMail(), AbortSignal.abort())).toMatchObject({ result: 'later' });
    expect(await countOutbox(database.db)).toBe(0);
  });

  it('says in its check that nothing is sent', async () => {
    expect(mailer.kind).toBe('outbox');
    expect(await mailer.check()).toMatchObject({
      ok: true,
      detail: expect.stringContaining('nothing is sent'),
    });
    await mailer.close();
  });
});

describe('looking at the outbox', () => {
  it('pages from the newest on, each mail once, also within one millisecond', async () => {
    for (let i = 0; i < 25; i++) {
      if (i % 10 === 0) clock.advance({ minutes: 1 });
      await keep({ messageId: `m${i}@otgroup.example`, to: { address: `p${i}@example.org` } });
    }
    const seen: string[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await listOutbox(database.db, { limit: 7, ...(after === undefined ? {} : { after }) });
      seen.push(...page.entries.map((e) => e.recipient));
      if (page.next === null) break;
      after = page.next;
    }
    expect(new Set(seen).size).toBe(25);
    expect(seen).toHaveLength(25);
    expect(new Set(seen.slice(0, 5))).toEqual(new Set([20, 21, 22, 23, 24].map((i) => `p${i}@example.org`)));
    expect(await countOutbox(database.db)).toBe(25);
    await expect(listOutbox(database.db, { after: 'nonsense' })).rejects.toThrow(/after/);
  });

  it('searches addresses and subjects, taking wildcards as what they are', async () => {
    await keep({ subject: '100 % sure' });
    await keep({ subject: '100 people', to: { address: 'Bob_1@example.org' } });
    const found = async (search: string) =>
      (await listOutbox(database.db, { search })).entries.map((e) => e.subject);
    expect(await found('100 %')).toEqual(['100 % sure']);
    expect(await found('bob_1@')).toEqual(['100 people']);
    expect(await found('b_b')).toEqual([]);
    expect(await found(' ')).toHaveLength(2);
  });

  it('finds the mail of a delivery', async () => {
    await keep({ deliveryId: DELIVERY });
    await keep();
    expect((await listOutbox(database.db, { deliveryId: DELIVERY })).entries).toHaveLength(1);
  });

  it('takes one mail apart: HTML, text, headers, attachments', async () => {
    await keep();
    const { entries } = await listOutbox(database.db);
    const mail = await readOutboxMessage(database.db, entries[0]!.id);
    expect(mail.html).toContain('<p>Hello Ann – see you tomorrow.</p>');
    expect(mail.text).toContain('see you tomorrow – 7 pm.');
    expect(mail.headers).toContainEqual({
      name: 'List-Unsubscribe-Post',
      value: 'List-Unsubscribe=One-Click',
    });
    expect(mail.attachments).toMatchObject([
      { index: 0, filename: 'meeting.ics', contentType: 'text/calendar', method: 'PUBLISH' },
    ]);
    expect(Buffer.from(mail.attachments[0]!.content).toString()).toBe(exampleMail().calendar!.content);
  });

  it('says so when there is no such mail', async () => {
    for (const id of [DELIVERY, 'not-an-id']) {
      await expect(readOutboxMessage(database.db, id)).rejects.toMatchObject({ code: 'not_found' });
    }
  });
});
