import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findAnnouncement } from '../../src/announcements/announcements.ts';
import { readBooks, resolveUnknown } from '../../src/announcements/books.ts';
import { freezeAnnouncement } from '../../src/announcements/expansion.ts';
import {
  claimDeliveries,
  giveBackClaim,
  rescueDeliveries,
  settleDeliveries,
  SENDER_FAULT_LIMIT,
  type Settlement,
} from '../../src/announcements/ledger.ts';
import {
  cancelAnnouncement,
  closeLateAnnouncement,
  finishAnnouncement,
  holdAnnouncement,
  resumeAnnouncement,
  startAnnouncement,
} from '../../src/announcements/life-cycle.ts';
import { addMeeting, cancelMeeting, moveMeeting } from '../../src/announcements/meeting-changes.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import {
  announcements,
  deliveries,
  serviceMails,
  subscribers,
  suppressions,
  topicSubscriptions,
} from '../../src/db/schema.ts';
import { parseMeetingChange } from '../../src/meetings/meeting-input.ts';
import { findMeeting } from '../../src/meetings/meetings.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { addPeople, planning, singleMeeting } from '../support/meetings.ts';

const clock = new ManualClock('2026-11-23T12:00:00Z');
const context = planning(clock);
const addressHash = (address: string) => `hash of ${address}`;
let database: OpenDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock.set('2026-11-23T12:00:00Z');
});

const content = { subject: 'S', html: '<p>H</p>', text: 'T', calendar: null, meetingSequence: 0 };

/** A reminder one hour before a meeting on 25 November at 19:00 UK time. */
async function reminder(people: number): Promise<{ id: string; meetingId: string; people: string[] }> {
  const ids = await addPeople(database.db, clock, people);
  const meeting = await addMeeting(
    database.db,
    singleMeeting('2026-11-25T19:00', { remind: ['1h'] }),
    context,
  );
  const [row] = await database.db.select().from(announcements).where(eq(announcements.meetingId, meeting.id));
  return { id: row!.id, meetingId: meeting.id, people: ids };
}

async function freeze(id: string) {
  const announcement = await findAnnouncement(database.db, id);
  const meeting = await findMeeting(database.db, announcement.meetingId!);
  return freezeAnnouncement(
    database.db,
    announcement,
    { ...content, meetingSequence: meeting.sequence },
    { clock, mailDomain: 'example.org' },
  );
}

/** The same reminder, going out. */
async function running(people: number) {
  const run = await reminder(people);
  clock.set('2026-11-25T17:58:00Z');
  await freeze(run.id);
  clock.set('2026-11-25T18:00:00Z');
  expect(await startAnnouncement(database.db, run.id, context)).toBe(true);
  return run;
}

const claim = (announcementId: string, limit: number, name = 'worker/1', chunk = 0) =>
  claimDeliveries(database.db, { announcementId, chunk, limit, claim: name }, { clock });

const settle = (announcementId: string, settlements: Settlement[], name = 'worker/1') =>
  settleDeliveries(database.db, { announcementId, claim: name, settlements }, { clock, addressHash });

const sent = (id: string): Settlement => ({ id, state: 'sent', reason: '250 ok' });
const refused = (id: string): Settlement => ({
  id,
  state: 'pending',
  reason: 'The mail server does not accept our password (535).',
  retryAt: clock.now(),
  senderFault: true,
});

async function books(id: string) {
  const found = (await readBooks(database.db, [id])).get(id)!;
  const { audience, sent: done, excluded, failed, unknown, pending, cancelled } = found;
  expect(audience).toBe(done + excluded + failed + unknown + pending + cancelled);
  return found;
}

describe('freezing', () => {
  it('writes one delivery per person, in chunks, and twice is once', async () => {
    const { id } = await reminder(1203);
    expect(await freeze(id)).toBe(1203);
    expect(await freeze(id)).toBeUndefined();
    const announcement = await findAnnouncement(database.db, id);
    expect(announcement).toMatchObject({ audience: 1203, chunks: 3, meetingSequence: 0 });
    const rows = await database.db.select().from(deliveries);
    expect(new Set(rows.map((row) => row.messageId)).size).toBe(1203);
    expect(new Set(rows.map((row) => row.chunk))).toEqual(new Set([0, 1, 2]));
    await expect(database.db.insert(deliveries).values({ ...rows[0]!, id: rows[1]!.id })).rejects.toThrow();
  });

  it('names in the books who is left out and why', async () => {
    const { id, people } = await reminder(5);
    await database.db
      .update(subscribers)
      .set({ pausedUntil: clock.now().add({ hours: 96 }) })
      .where(eq(subscribers.id, people[0]!));
    await database.db.insert(suppressions).values({
      id: people[1]!,
      emailNormalised: 'person1@example.org',
      emailHash: 'x',
      reason: 'bounced',
      at: clock.now(),
    });
    await database.db.update(subscribers).set({ state: 'left' }).where(eq(subscribers.id, people[2]!));
    await freeze(id);
    expect(await books(id)).toMatchObject({ audience: 4, pending: 2, excluded: 2 });
    const rows = await database.db.select().from(deliveries).where(eq(deliveries.state, 'excluded'));
    expect(rows.map((row) => row.reason).sort()).toEqual([
      'Has paused mail for a while.',
      'The address is on the do-not-mail list.',
    ]);
  });

  it('is undone when the meeting moves before the notice starts, and made afresh', async () => {
    const { id, meetingId } = await reminder(3);
    clock.set('2026-11-25T17:58:00Z');
    await freeze(id);
    await moveMeeting(
      database.db,
      meetingId,
      parseMeetingChange({ start: '2026-11-26T19:00' }, 'Europe/London'),
      context,
    );
    expect(await findAnnouncement(database.db, id)).toMatchObject({
      frozenAt: null,
      audience: null,
      state: 'approved',
    });
    expect(await database.db.select().from(deliveries)).toEqual([]);
    clock.set('2026-11-26T17:58:00Z');
    expect(await freeze(id)).toBe(3);
  });
});

describe('starting', () => {
  it('waits for its time, for the end of the quiet hours, and happens once', async () => {
    const { id } = await reminder(1);
    await freeze(id);
    expect(await startAnnouncement(database.db, id, context)).toBe(false);
    clock.set('2026-11-25T18:00:00Z');
    const started = await Promise.all([
      startAnnouncement(database.db, id, context),
      startAnnouncement(database.db, id, context),
    ]);
    expect(started.filter(Boolean)).toHaveLength(1);
  });

  it('does not happen past the late limit: the notice is missed and the administrator is told', async () => {
    const { id } = await reminder(1);
    await freeze(id);
    clock.set('2026-11-25T19:00:01Z');
    expect(await startAnnouncement(database.db, id, context)).toBe(false);
    await closeLateAnnouncement(database.db, id, context);
    await closeLateAnnouncement(database.db, id, context);
    expect((await findAnnouncement(database.db, id)).state).toBe('missed');
    expect(await books(id)).toMatchObject({ failed: 1, pending: 0 });
    const mails = await database.db.select().from(serviceMails);
    expect(mails.map((mail) => mail.kind)).toEqual(['missed']);
  });
});

describe('claiming', () => {
  it('gives each delivery to one worker only', async () => {
    const { id } = await running(40);
    const batches = await Promise.all(Array.from({ length: 12 }, (_, n) => claim(id, 5, `worker/${n}`)));
    const ids = batches.flat().map((delivery) => delivery.id);
    expect(ids).toHaveLength(40);
    expect(new Set(ids).size).toBe(40);
  });

  it('decides consent at the last moment', async () => {
    const { id, people } = await running(4);
    await database.db
      .update(topicSubscriptions)
      .set({ subscribed: false })
      .where(eq(topicSubscriptions.subscriberId, people[0]!));
    await database.db.update(subscribers).set({ state: 'removed' }).where(eq(subscribers.id, people[1]!));
    await database.db.delete(subscribers).where(eq(subscribers.id, people[2]!));
    const claimed = await claim(id, 10);
    expect(claimed.map((delivery) => delivery.email)).toEqual(['person3@example.org']);
    const rows = await database.db.select().from(deliveries).where(eq(deliveries.state, 'excluded'));
    expect(rows.map((row) => row.reason).sort()).toEqual([
      'Does not get mail about this topic.',
      'The person was erased.',
      'Was removed by the administrator.',
    ]);
    await settle(
      id,
      claimed.map((delivery) => sent(delivery.id)),
    );
    expect(await finishAnnouncement(database.db, id, { clock })).toBe(true);
    expect(await books(id)).toMatchObject({ audience: 4, sent: 1, excluded: 3 });
  });

  it('stops with a hold at 40 of 100 and goes on where it stopped', async () => {
    const { id } = await running(100);
    const first = await claim(id, 40);
    await settle(
      id,
      first.map((delivery) => sent(delivery.id)),
    );
    await holdAnnouncement(database.db, id, null, context);
    expect(await claim(id, 10)).toEqual([]);
    await resumeAnnouncement(database.db, id, context);
    const rest = await claim(id, 100, 'worker/2');
    await settle(
      id,
      rest.map((delivery) => sent(delivery.id)),
      'worker/2',
    );
    expect(rest).toHaveLength(60);
    expect(new Set([...first, ...rest].map((delivery) => delivery.id)).size).toBe(100);
    expect(await books(id)).toMatchObject({ sent: 100, pending: 0 });
  });

  it('finds nothing once the announcement is cancelled or too late', async () => {
    const { id } = await running(3);
    clock.set('2026-11-25T19:00:00Z');
    expect(await claim(id, 1)).toEqual([]);
    clock.set('2026-11-25T18:30:00Z');
    await cancelAnnouncement(database.db, id, 'Wrong text', context);
    expect(await claim(id, 1)).toEqual([]);
    expect(await books(id)).toMatchObject({ cancelled: 3 });
    await expect(cancelAnnouncement(database.db, id, null, context)).rejects.toThrow('It was cancelled');
  });

  it('whose answer was lost is given back and nobody is skipped', async () => {
    const { id } = await running(3);
    await claim(id, 2, 'worker/lost');
    await giveBackClaim(database.db, 'worker/lost');
    expect(await claim(id, 5, 'worker/next')).toHaveLength(3);
  });
});

describe('settling', () => {
  it('keeps each outcome apart: one bad recipient does not touch the others', async () => {
    const { id } = await running(4);
    const [a, b, c, d] = await claim(id, 4);
    await settle(id, [
      sent(a!.id),
      { id: b!.id, state: 'failed', reason: '550 5.1.1 no such user', suppress: true },
      { id: c!.id, state: 'unknown', reason: 'Connection lost after the message.' },
      { id: d!.id, state: 'failed', reason: 'The message could not be made.' },
    ]);
    expect(await books(id)).toMatchObject({ sent: 1, failed: 2, unknown: 1 });
    expect((await database.db.select().from(suppressions)).map((row) => row.emailNormalised)).toEqual([
      b!.email,
    ]);
    expect(await claim(id, 5)).toEqual([]);
  });

  it('retries later what was put off, and not before', async () => {
    const { id } = await running(1);
    const [delivery] = await claim(id, 1);
    await settle(id, [
      {
        id: delivery!.id,
        state: 'pending',
        reason: '451 busy',
        retryAt: clock.now().add({ minutes: 5 }),
        senderFault: false,
      },
    ]);
    clock.advance({ minutes: 4 });
    expect(await claim(id, 1)).toEqual([]);
    clock.advance({ minutes: 2 });
    expect(await claim(id, 1, 'worker/2')).toMatchObject([{ attempts: 1 }]);
  });

  it('pauses the run after refusals in a row, tells the administrator, and serves everybody once it is resumed', async () => {
    const { id } = await running(8);
    for (let n = 1; n <= SENDER_FAULT_LIMIT; n++) {
      const [delivery] = await claim(id, 1, `worker/${n}`);
      await settle(id, [refused(delivery!.id)], `worker/${n}`);
    }
    expect(await findAnnouncement(database.db, id)).toMatchObject({
      state: 'held',
      stateReason: expect.stringContaining('does not accept our password'),
    });
    expect((await database.db.select().from(serviceMails)).map((mail) => mail.kind)).toEqual(['run-held']);
    await resumeAnnouncement(database.db, id, context);
    expect(await claim(id, 20, 'worker/9')).toHaveLength(8);
  });

  it('does not pause a run in which others are served', async () => {
    const { id } = await running(20);
    for (let n = 0; n < 8; n++) {
      const [one, two] = await claim(id, 2, `worker/${n}`);
      await settle(id, [refused(one!.id)], `worker/${n}`);
      if (two) await settle(id, [sent(two.id)], `worker/${n}`);
    }
    expect((await findAnnouncement(database.db, id)).state).toBe('sending');
  });

  it('of another worker’s claim does nothing', async () => {
    const { id } = await running(1);
    const [delivery] = await claim(id, 1, 'worker/1');
    await settle(id, [{ id: delivery!.id, state: 'failed', reason: 'x' }], 'worker/2');
    expect(await books(id)).toMatchObject({ pending: 1, failed: 0 });
  });
});

describe('a dead worker', () => {
  it('leaves what it was handing over as unknown, and only that; a person resolves it', async () => {
    const { id } = await running(10);
    const claimed = await claim(id, 3, 'dead/1');
    const alive = await claim(id, 2, 'alive/1');
    clock.advance({ seconds: 30 });
    await database.db.execute(
      sql`insert into heartbeats (name, at) values ('worker:alive', ${clock.now().toString()}::timestamptz)`,
    );
    const since = {
      silentSince: clock.now().subtract({ seconds: 20 }),
      lostSince: clock.now().subtract({ minutes: 10 }),
    };
    expect(await rescueDeliveries(database.db, since, { clock })).toBe(3);
    await settle(
      id,
      alive.map((delivery) => sent(delivery.id)),
      'alive/1',
    );
    expect(await books(id)).toMatchObject({ unknown: 3, sent: 2, pending: 5 });
    expect(await claim(id, 20, 'next/1')).toHaveLength(5);
    const [first, ...others] = claimed.map((delivery) => delivery.id);
    const resolve = (deliveryIds: readonly string[] | 'all', outcome: 'sent' | 'failed') =>
      resolveUnknown(database.db, { announcementId: id, deliveryIds, outcome }, context);
    expect(await resolve([first!], 'sent')).toBe(1);
    expect(await resolve('all', 'failed')).toBe(others.length);
    await expect(resolve('all', 'failed')).rejects.toThrow('None of these deliveries');
    expect(await books(id)).toMatchObject({ unknown: 0, sent: 3, failed: 2 });
  });

  it('that comes back and knows the outcome puts it right', async () => {
    const { id } = await running(1);
    const [delivery] = await claim(id, 1, 'stopped/1');
    clock.advance({ seconds: 30 });
    const since = {
      silentSince: clock.now().subtract({ seconds: 20 }),
      lostSince: clock.now().subtract({ minutes: 10 }),
    };
    await rescueDeliveries(database.db, since, { clock });
    await settle(id, [sent(delivery!.id)], 'stopped/1');
    expect(await books(id)).toMatchObject({ unknown: 0, sent: 1 });
  });
});

describe('a change of the meeting', () => {
  const move = (meetingId: string, change: object) =>
    moveMeeting(database.db, meetingId, parseMeetingChange(change, 'Europe/London'), context);

  async function corrections(meetingId: string) {
    const rows = await database.db
      .select()
      .from(announcements)
      .where(eq(announcements.meetingId, meetingId))
      .orderBy(announcements.createdAt);
    return rows.filter((row) => row.kind !== 'reminder');
  }

  /** A meeting on 3 December whose reminder a day before went to everybody. */
  async function told(people: number) {
    const ids = await addPeople(database.db, clock, people);
    const meeting = await addMeeting(database.db, singleMeeting('2026-12-03T19:00'), context);
    const [first] = await database.db
      .select()
      .from(announcements)
      .where(eq(announcements.meetingId, meeting.id))
      .orderBy(announcements.sendAt);
    clock.set('2026-12-02T09:00:00Z');
    await freeze(first!.id);
    await startAnnouncement(database.db, first!.id, context);
    const claimed = await claim(first!.id, people);
    await settle(
      first!.id,
      claimed.map((delivery) => sent(delivery.id)),
    );
    await finishAnnouncement(database.db, first!.id, { clock });
    clock.set('2026-12-02T12:00:00Z');
    return { meetingId: meeting.id, people: ids };
  }

  it('that nobody was told of sends no correction', async () => {
    const meeting = await addMeeting(database.db, singleMeeting('2026-12-03T19:00'), context);
    await move(meeting.id, { start: '2026-12-04T19:00' });
    await cancelMeeting(database.db, meeting.id, null, context);
    expect(await corrections(meeting.id)).toEqual([]);
  });

  it('tells those who were told, once, however often it changes', async () => {
    const { meetingId, people } = await told(3);
    await addPeopleLater(people.length);
    await move(meetingId, { start: '2026-12-04T19:00' });
    await move(meetingId, { start: '2026-12-07T18:00', duration: 90 });
    const rows = await corrections(meetingId);
    expect(rows.map((row) => [row.kind, row.state])).toEqual([
      ['changed', 'cancelled'],
      ['changed', 'approved'],
    ]);
    expect(rows[1]!.previous).toMatchObject({ startsAt: '2026-12-03T19:00:00Z', durationMinutes: 60 });
    expect(await freeze(rows[1]!.id)).toBe(3);
  });

  it('that is taken back before its mail went out sends none', async () => {
    const { meetingId } = await told(2);
    await move(meetingId, { start: '2026-12-04T19:00' });
    await move(meetingId, { start: '2026-12-03T19:00' });
    expect((await corrections(meetingId)).map((row) => row.state)).toEqual(['cancelled']);
  });

  it('of its link alone sends no mail', async () => {
    const { meetingId } = await told(2);
    await move(meetingId, { link: 'https://zoom.example/j/3' });
    expect(await corrections(meetingId)).toEqual([]);
  });

  it('waits for the end of the quiet hours', async () => {
    const { meetingId } = await told(1);
    clock.set('2026-12-02T23:00:00Z');
    await move(meetingId, { start: '2026-12-04T19:00' });
    expect((await corrections(meetingId))[0]!.sendAt.toString()).toBe('2026-12-03T08:00:00Z');
  });

  it('does not send a person the correction and a reminder in the same hour', async () => {
    const { meetingId } = await told(2);
    clock.set('2026-12-02T12:00:00Z');
    await move(meetingId, { start: '2026-12-02T13:30' });
    const [correction] = await corrections(meetingId);
    await freeze(correction!.id);
    await startAnnouncement(database.db, correction!.id, context);
    clock.set('2026-12-02T12:30:00Z');
    const [hourBefore] = (await database.db.select().from(announcements)).filter(
      (row) => row.state === 'approved',
    );
    await freeze(hourBefore!.id);
    expect(await books(hourBefore!.id)).toMatchObject({ audience: 2, excluded: 2, pending: 0 });
  });

  it('stops a reminder that is going out, and tells everybody it was meant for', async () => {
    const { id, meetingId } = await running(6);
    const claimed = await claim(id, 2);
    await settle(
      id,
      claimed.map((delivery) => sent(delivery.id)),
    );
    await move(meetingId, { start: '2026-11-25T20:00' });
    expect(await claim(id, 5)).toEqual([]);
    expect(await books(id)).toMatchObject({ sent: 2, cancelled: 4 });
    const [correction] = await corrections(meetingId);
    expect(await freeze(correction!.id)).toBe(6);
  });

  it('cancelled: reminders stop and those who were told are told', async () => {
    const { meetingId } = await told(2);
    await cancelMeeting(database.db, meetingId, 'The speaker is ill.', context);
    const all = await database.db.select().from(announcements).where(eq(announcements.meetingId, meetingId));
    expect(all.map((row) => [row.kind, row.state]).sort()).toEqual([
      ['cancelled', 'approved'],
      ['reminder', 'cancelled'],
      ['reminder', 'sent'],
    ]);
  });

  async function addPeopleLater(count: number) {
    const now = clock.now();
    await database.db.insert(subscribers).values(
      Array.from({ length: count }, (_, n) => ({
        id: `00000000-0000-7000-8000-00000000000${n}`,
        email: `late${n}@example.org`,
        emailNormalised: `late${n}@example.org`,
        state: 'active' as const,
        createdAt: now,
        updatedAt: now,
      })),
    );
  }
});
