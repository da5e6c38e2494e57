import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { rows } from '../../src/db/open.ts';
import { listAudit } from '../../src/organisation/audit.ts';
import { audienceCount } from '../../src/subscribers/audience.ts';
import { verifyLedger } from '../../src/subscribers/ledger-verify.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { changePreferences } from '../../src/subscribers/preferences.ts';
import {
  countSubscribers,
  searchSubscribers,
  subscribersByState,
  type SubscriberFilter,
} from '../../src/subscribers/subscriber-search.ts';
import {
  addSubscriber,
  allowAgain,
  findSubscriber,
  getSubscriber,
  removeSubscriber,
  updateSubscriber,
} from '../../src/subscribers/subscribers.ts';
import { suppressAddress } from '../../src/subscribers/suppressions.ts';
import { ManualClock } from '../support/clock.ts';
import { useTestDatabase } from '../support/database.ts';
import { addressHash, pendingDelivery, someone } from './people.ts';

const database = useTestDatabase();
let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock('2026-11-01T12:00:00Z');
});

const context = () => ({ clock, actor: 'admin:1', addressHash });
const add = (input: Parameters<typeof addSubscriber>[1]) => addSubscriber(database.db, input, context());
const remove = (id: string, reason = 'not a therapist') =>
  removeSubscriber(database.db, { id, reason }, context());

describe('adding', () => {
  it('puts somebody on the list with the administrator’s word in the ledger', async () => {
    const anna = await add({
      email: ' Anna@Example.org ',
      name: 'Anna\r\nAdams',
      memberKind: 'OT',
      hcpcNumber: 'ot012345',
      topics: ['news', 'Meetings'],
      note: 'signed the sheet',
    });
    expect(anna).toMatchObject({
      email: 'Anna@Example.org',
      emailNormalised: 'anna@example.org',
      name: 'Anna Adams',
      memberKind: 'occupational_therapist',
      hcpcNumber: 'OT012345',
      state: 'active',
      topics: ['meetings', 'news'],
      suppressed: null,
    });
    expect(await findSubscriber(database.db, 'ANNA@EXAMPLE.ORG')).toEqual(anna);
    expect(await rows(database.db, sql`select topic, note, source from consent_events order by seq`)).toEqual(
      ['meetings', 'news'].map((topic) => ({ topic, note: 'signed the sheet', source: 'administrator' })),
    );
  });

  it.each([
    [{ email: 'anna' }, 'email'],
    [{ email: 'anna@example.org', topics: ['gardening'] }, 'topics'],
    [{ email: 'anna@example.org', topics: [] }, 'topics'],
    [{ email: 'anna@example.org', memberKind: 'nurse' }, 'memberKind'],
    [{ email: 'anna@example.org', hcpcNumber: 'OT12' }, 'hcpcNumber'],
    [{ email: 'anna@example.org', name: 'x'.repeat(301) }, 'name'],
  ])('refuses %j, names the field and changes nothing', async (input, field) => {
    await expect(add(input)).rejects.toMatchObject({ code: 'invalid_input', problems: [{ field }] });
    expect(await countSubscribers(database.db)).toBe(0);
  });

  it('refuses who is on the list, at once from two places', async () => {
    const results = await Promise.allSettled([
      add({ email: 'a@example.org' }),
      add({ email: 'A@example.org' }),
    ]);
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await countSubscribers(database.db)).toBe(1);
  });

  it('refuses who has left: only they can come back', async () => {
    const anna = await someone(database.db, clock);
    await unsubscribe(database.db, { subscriberId: anna.id, topic: 'all', source: 'one_click' }, { clock });
    await expect(add({ email: anna.email })).rejects.toThrow(/has left the list; only they can come back/);
  });
});

describe('removing', () => {
  it('is at once: off the list, out of runs under way, on the do-not-mail list, first in line for MailerLite', async () => {
    const anna = await someone(database.db, clock, 'anna@example.org', ['meetings', 'news']);
    await pendingDelivery(database.db, anna);
    expect(await remove(anna.id)).toMatchObject({ state: 'removed', topics: [], suppressed: 'removed' });
    await remove(anna.id);
    expect(await rows(database.db, sql`select state, reason from deliveries`)).toEqual([
      { state: 'excluded', reason: 'Was removed by the administrator.' },
    ]);
    expect(await rows(database.db, sql`select urgent from mailerlite_links`)).toEqual([{ urgent: true }]);
    expect(await audienceCount(database.db, 'meetings', clock.now())).toBe(0);
    expect(await verifyLedger(database.db)).toMatchObject({ ok: true, events: 4 });
    expect(JSON.stringify(await listAudit(database.db))).not.toContain('example.org');
  });

  it('needs a reason and somebody to remove', async () => {
    const anna = await someone(database.db, clock);
    await expect(remove(anna.id, ' ')).rejects.toMatchObject({ problems: [{ field: 'reason' }] });
    await expect(remove('01930000-0000-7000-8000-000000000000')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('cannot be got round by the person’s old links', async () => {
    const anna = await someone(database.db, clock);
    await remove(anna.id);
    await expect(
      changePreferences(
        database.db,
        { subscriberId: anna.id, topics: { meetings: true }, source: 'preferences' },
        context(),
      ),
    ).rejects.toMatchObject({ code: 'wrong_state' });
  });

  it('can be taken back, which gives no agreement', async () => {
    const anna = await someone(database.db, clock);
    await remove(anna.id);
    expect(await allowAgain(database.db, { id: anna.id }, context())).toMatchObject({
      state: 'left',
      topics: [],
      suppressed: null,
    });
    await expect(allowAgain(database.db, { id: anna.id }, context())).rejects.toMatchObject({
      code: 'wrong_state',
    });
  });

  it('outweighs a bounce on the do-not-mail list, and a bounce does not replace it', async () => {
    const anna = await someone(database.db, clock);
    const bounce = () =>
      suppressAddress(database.db, { normalised: anna.emailNormalised, reason: 'bounced' }, context());
    await bounce();
    expect((await getSubscriber(database.db, anna.id)).suppressed).toBe('bounced');
    await remove(anna.id);
    await bounce();
    expect((await getSubscriber(database.db, anna.id)).suppressed).toBe('removed');
  });
});

describe('correcting', () => {
  it('changes address, name and details; the agreement stays and MailerLite is to be told', async () => {
    const anna = await someone(database.db, clock);
    expect(
      await updateSubscriber(
        database.db,
        {
          id: anna.id,
          email: 'Anna.New@example.org',
          name: '  Anna ',
          memberKind: 'student',
          hcpcNumber: '',
        },
        context(),
      ),
    ).toMatchObject({
      email: 'Anna.New@example.org',
      name: 'Anna',
      memberKind: 'student',
      topics: ['meetings'],
    });
    const [link] = await rows<{ ahead: boolean }>(
      database.db,
      sql`select wanted_version > 1 as ahead from mailerlite_links`,
    );
    expect(link?.ahead).toBe(true);
  });

  it('refuses an address that is taken or on the do-not-mail list', async () => {
    const anna = await someone(database.db, clock);
    await someone(database.db, clock, 'ben@example.org');
    await suppressAddress(database.db, { normalised: 'gone@example.org', reason: 'bounced' }, context());
    for (const email of ['BEN@example.org', 'gone@example.org']) {
      await expect(updateSubscriber(database.db, { id: anna.id, email }, context())).rejects.toMatchObject({
        code: 'conflict',
      });
    }
  });
});

describe('searching', () => {
  beforeEach(async () => {
    await add({ email: 'anna@example.org', name: 'Anna Müller', topics: ['meetings', 'news'] });
    await add({ email: 'ben@other.example', name: 'Ben', memberKind: 'student' });
    await add({ email: 'c_d@example.org' });
    await remove((await add({ email: 'zoe@example.org', name: 'Zoe' })).id);
  });
  const found = async (filter: SubscriberFilter) =>
    (await searchSubscribers(database.db, filter)).subscribers.map(({ email }) => email.split('@')[0]);

  const cases: [SubscriberFilter, string[]][] = [
    [{}, ['anna', 'ben', 'c_d', 'zoe']],
    [{ text: 'MÜLL' }, ['anna']],
    [{ text: 'mü anna' }, ['anna']],
    [{ text: 'example.org' }, ['anna', 'c_d', 'zoe']],
    [{ text: 'anna ben' }, []],
    [{ text: '_' }, ['c_d']],
    [{ text: '%' }, []],
    [{ text: '\\' }, []],
    [{ state: 'removed' }, ['zoe']],
    [{ topic: 'news' }, ['anna']],
    [{ memberKind: 'student' }, ['ben']],
    [{ suppressed: true }, ['zoe']],
    [{ suppressed: false, text: 'example' }, ['anna', 'ben', 'c_d']],
  ];

  it('finds people by words, state, topic and kind', async () => {
    for (const [filter, expected] of cases) {
      expect([filter, await found(filter)]).toEqual([filter, expected]);
      expect(await countSubscribers(database.db, filter)).toBe(expected.length);
    }
  });

  it('gives page after page without a gap or a repeat', async () => {
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await searchSubscribers(database.db, {
        limit: 2,
        ...(after === undefined ? {} : { after }),
      });
      seen.push(...page.subscribers.map(({ email }) => email));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toEqual(['anna@example.org', 'ben@other.example', 'c_d@example.org', 'zoe@example.org']);
  });

  it('shows what the list needs and counts people by state', async () => {
    const { subscribers } = await searchSubscribers(database.db, { text: 'anna' });
    expect(subscribers[0]).toMatchObject({
      name: 'Anna Müller',
      topics: ['meetings', 'news'],
      suppressed: null,
    });
    expect(await subscribersByState(database.db)).toEqual({ unconfirmed: 0, active: 3, left: 0, removed: 1 });
  });
});
