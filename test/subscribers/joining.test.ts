import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { rows } from '../../src/db/open.ts';
import { changeSetting } from '../../src/organisation/settings.ts';
import { audienceCount } from '../../src/subscribers/audience.ts';
import { ledgerHead } from '../../src/subscribers/consent-ledger.ts';
import { confirmJoining, startJoining } from '../../src/subscribers/joining.ts';
import type { JoinForm } from '../../src/subscribers/join-form.ts';
import { verifyLedger } from '../../src/subscribers/ledger-verify.ts';
import { undoUnsubscribe, unsubscribe } from '../../src/subscribers/opt-out.ts';
import { subscriberRecord } from '../../src/subscribers/subscriber-record.ts';
import { findSubscriber, getSubscriber, removeSubscriber } from '../../src/subscribers/subscribers.ts';
import { suppressAddress } from '../../src/subscribers/suppressions.ts';
import { changeWording, currentWordings, wordingHistory } from '../../src/subscribers/wordings.ts';
import { ManualClock } from '../support/clock.ts';
import { useTestDatabase } from '../support/database.ts';
import { addressHash, someone } from './people.ts';

const database = useTestDatabase();
let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock('2026-11-01T12:00:00Z');
});

const FORM: JoinForm = {
  email: 'Anna@Example.org',
  name: 'Anna',
  memberKind: 'student',
  hcpcNumber: '',
  topics: ['meetings', 'training'],
  declaration: true,
};
const context = () => ({ clock, addressHash });
const join = (form: Partial<JoinForm> = {}, more = {}) =>
  startJoining(
    database.db,
    { form: { ...FORM, ...form }, evidence: { ip: '192.0.2.1', userAgent: 'Browser' }, ...more },
    context(),
  );
const mails = () =>
  rows<{ kind: string; recipient: string | null; data: { joinRequestId?: string } }>(
    database.db,
    sql`select kind, recipient, data from service_mails order by created_at, id`,
  );
async function lastRequest(): Promise<string> {
  const sent = await mails();
  return sent.findLast((mail) => mail.kind === 'confirm-subscription')!.data.joinRequestId!;
}
const confirm = async (requestId?: string) =>
  confirmJoining(
    database.db,
    { requestId: requestId ?? (await lastRequest()), evidence: { ip: '192.0.2.2' } },
    context(),
  );

describe('joining', () => {
  it('takes a form and a click in the mail; before the click nobody is on the list', async () => {
    await join({ hcpcNumber: 'ot 12345' });
    expect(await findSubscriber(database.db, FORM.email)).toMatchObject({ state: 'unconfirmed', topics: [] });
    expect(await audienceCount(database.db, 'meetings', clock.now())).toBe(0);
    expect((await mails()).map((mail) => mail.kind)).toEqual(['confirm-subscription']);

    clock.advance({ hours: 1 });
    expect(await confirm()).toMatchObject({ topics: ['meetings', 'training'], confirmed: true });
    const anna = await getSubscriber(database.db, FORM.email);
    expect(anna).toMatchObject({
      state: 'active',
      name: 'Anna',
      memberKind: 'student',
      hcpcNumber: 'OT12345',
      topics: ['meetings', 'training'],
      declarationWording: 'declaration@1',
    });
    expect(anna.declaredAt?.toString()).toBe('2026-11-01T13:00:00Z');
    const { consent } = await subscriberRecord(database.db, anna.id);
    expect(consent).toHaveLength(2);
    expect(consent[1]).toMatchObject({
      topic: 'meetings',
      act: 'given',
      source: 'form',
      wording: 'meetings@1',
      wordingText: expect.stringContaining('e-mails me about the group’s meetings'),
      note: 'asked on 2026-11-01T12:00:00Z, confirmed by the link in a mail; was shown privacy@1',
      ip: '192.0.2.2',
    });
    expect((await mails()).map((mail) => mail.kind)).toEqual(['confirm-subscription', 'welcome']);
  });

  it('is confirmed once: the link does nothing more, also after leaving', async () => {
    await join();
    const request = await lastRequest();
    const { subscriberId } = await confirm(request);
    expect(await confirm(request)).toMatchObject({ confirmed: false });
    await unsubscribe(database.db, { subscriberId, topic: 'all', source: 'one_click' }, { clock });
    const head = await ledgerHead(database.db);
    expect(await confirm(request)).toMatchObject({ confirmed: false, topics: [] });
    expect(await ledgerHead(database.db)).toEqual(head);
    expect((await getSubscriber(database.db, subscriberId)).state).toBe('left');
  });

  it('names every field that is wrong and stores nothing', async () => {
    await expect(
      join({ email: 'anna', memberKind: '', topics: [], declaration: false, hcpcNumber: 'PH12345' }),
    ).rejects.toMatchObject({
      code: 'invalid_input',
      problems: ['email', 'memberKind', 'hcpcNumber', 'topics', 'declaration'].map((field) => ({ field })),
    });
    expect(await mails()).toEqual([]);
  });

  it('twice at once makes one person and one mail; the later choice holds', async () => {
    await Promise.all([join(), join({ email: 'anna@example.org', topics: ['news'] })]);
    await join({ topics: ['vacancies'] });
    expect(await mails()).toHaveLength(1);
    expect((await confirm()).topics).toEqual(['vacancies']);
  });

  it('sends another mail to who asks again after a quarter of an hour', async () => {
    await join();
    clock.advance({ minutes: 15 });
    await join();
    expect(await mails()).toHaveLength(2);
  });

  it('ends after 14 days without the click', async () => {
    await join();
    const request = await lastRequest();
    clock.advance({ hours: 14 * 24 });
    await expect(confirm(request)).rejects.toMatchObject({ code: 'wrong_state' });
  });

  it('tells who is on the list already, once a day, and changes nothing', async () => {
    const anna = await someone(database.db, clock);
    const head = await ledgerHead(database.db);
    await join();
    await join();
    expect(await mails()).toMatchObject([{ kind: 'already-joined', recipient: anna.id }]);
    expect(await ledgerHead(database.db)).toEqual(head);
  });

  it('lets who has left come back', async () => {
    const anna = await someone(database.db, clock);
    await unsubscribe(database.db, { subscriberId: anna.id, topic: 'all', source: 'one_click' }, { clock });
    await join();
    expect((await getSubscriber(database.db, anna.id)).state).toBe('left');
    await confirm();
    expect(await getSubscriber(database.db, anna.id)).toMatchObject({
      state: 'active',
      topics: ['meetings', 'training'],
    });
  });

  it('mails nothing to who was removed, and tells the administrators', async () => {
    const anna = await someone(database.db, clock);
    await removeSubscriber(
      database.db,
      { id: anna.id, reason: 'not a therapist' },
      { ...context(), actor: 'cli' },
    );
    await join();
    expect(await mails()).toMatchObject([{ kind: 'removed-asks-to-join', recipient: null }]);
  });

  it('proves that an address works that bounced before', async () => {
    await suppressAddress(database.db, { normalised: 'anna@example.org', reason: 'bounced' }, context());
    await join();
    expect((await findSubscriber(database.db, FORM.email))?.suppressed).toBe('bounced');
    await confirm();
    expect(await audienceCount(database.db, 'meetings', clock.now())).toBe(1);
  });

  it('proves it for who is on the list, too, and has MailerLite told', async () => {
    const ben = await someone(database.db, clock, 'ben@example.org', ['news']);
    await suppressAddress(database.db, { normalised: 'ben@example.org', reason: 'bounced' }, context());
    await database.db.execute(sql`update mailerlite_links set done_version = wanted_version`);
    await join({ email: 'ben@example.org' });
    expect(await mails()).toMatchObject([{ kind: 'confirm-subscription', recipient: ben.id }]);
    await confirm();
    expect(await getSubscriber(database.db, ben.id)).toMatchObject({
      suppressed: null,
      topics: ['meetings', 'training', 'news'],
    });
    const [link] = await rows<{ waits: boolean }>(
      database.db,
      sql`select wanted_version > done_version as waits from mailerlite_links`,
    );
    expect(link!.waits).toBe(true);
  });

  it('keeps who invited, if they are still on the list', async () => {
    const ben = await someone(database.db, clock, 'ben@example.org');
    const carl = await someone(database.db, clock, 'carl@example.org');
    await unsubscribe(database.db, { subscriberId: carl.id, topic: 'all', source: 'one_click' }, { clock });
    await join({}, { invitedBy: ben.id });
    await confirm();
    expect((await getSubscriber(database.db, FORM.email)).invitedBy).toBe(ben.id);
    await join({ email: 'dora@example.org' }, { invitedBy: carl.id });
    await confirm();
    expect((await getSubscriber(database.db, 'dora@example.org')).invitedBy).toBeNull();
  });
});

describe('wordings', () => {
  const change = (text: string, coversEarlier: boolean) =>
    changeWording(database.db, { key: 'meetings', text, coversEarlier }, { clock, actor: 'admin:1' });

  it('begin with a text that names the organisation and are never changed in place', async () => {
    await changeSetting(database.db, 'organisationName', 'Northfield OT', { clock, actor: 'cli' });
    const { meetings } = await currentWordings(database.db, { clock });
    expect(meetings).toMatchObject({ id: 'meetings@1', text: expect.stringContaining('Northfield OT') });
    await changeSetting(database.db, 'organisationName', 'Southfield OT', { clock, actor: 'cli' });
    expect((await currentWordings(database.db, { clock })).meetings).toEqual(meetings);
    await expect(database.db.execute(sql`update consent_wordings set text = 'x'`)).rejects.toThrow();
    await expect(change(meetings.text, true)).rejects.toThrow(/same as before/);
    await expect(change('  ', true)).rejects.toThrow(/must not be empty/);
  });

  it('that cover earlier agreements leave everybody on the list', async () => {
    await someone(database.db, clock);
    expect(await change('You may mail me about meetings.', true)).toMatchObject({
      wording: { id: 'meetings@2' },
      lapsed: 0,
    });
    expect(await audienceCount(database.db, 'meetings', clock.now())).toBe(1);
    expect((await wordingHistory(database.db, 'meetings')).map((w) => w.version)).toEqual([2, 1]);
  });

  it('that do not cover them stop the mail about the topic, in the ledger, until people agree anew', async () => {
    const anna = await someone(database.db, clock, 'anna@example.org', ['meetings', 'news']);
    expect(await change('You may mail and phone me about meetings.', false)).toMatchObject({ lapsed: 1 });
    expect(await audienceCount(database.db, 'meetings', clock.now())).toBe(0);
    expect(await getSubscriber(database.db, anna.id)).toMatchObject({ state: 'active', topics: ['news'] });
    expect(await verifyLedger(database.db)).toMatchObject({ ok: true, events: 3 });
  });

  it('that do not cover them hold for who has still to confirm, and for an undo', async () => {
    const ben = await someone(database.db, clock, 'ben@example.org', ['meetings', 'news']);
    await unsubscribe(database.db, { subscriberId: ben.id, topic: 'all', source: 'one_click' }, { clock });
    await join();
    const request = await lastRequest();
    clock.advance({ minutes: 1 });
    await change('You may mail me about meetings.', true);
    await change('You may mail and phone me about meetings.', false);
    await expect(confirm(request)).rejects.toThrow(/has changed since you asked/);
    const undone = await undoUnsubscribe(
      database.db,
      { subscriberId: ben.id, source: 'unsubscribe_page' },
      { clock },
    );
    expect(undone).toEqual(['news']);
    await join();
    expect(await confirm(request)).toMatchObject({ confirmed: true, topics: ['meetings', 'training'] });
    const { consent } = await subscriberRecord(database.db, FORM.email);
    expect(consent.find(({ topic }) => topic === 'meetings')).toMatchObject({ wording: 'meetings@3' });
  });

  it('keep the privacy notice that was shown, in a new version when the settings change it', async () => {
    await join();
    await changeSetting(database.db, 'retentionLeft', '6 months', { clock, actor: 'cli' });
    await join({ email: 'ben@example.org' });
    const stored = await rows<{ version: number; text: string }>(
      database.db,
      sql`select version, text from consent_wordings where key = 'privacy' order by version`,
    );
    expect(stored).toHaveLength(2);
    expect(stored[1]!.text).toContain('The name and address of somebody who has left: 6 months');
  });
});
