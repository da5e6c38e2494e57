import { eq, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { findAnnouncement } from '../../src/announcements/announcements.ts';
import { resolveUnknown } from '../../src/announcements/books.ts';
import {
  giveBackClaim,
  rescueDeliveries,
  SENDER_FAULT_LIMIT,
  settleDeliveries,
} from '../../src/announcements/ledger.ts';
import {
  cancelAnnouncement,
  closeLateAnnouncement,
  finishAnnouncement,
  holdAnnouncement,
  resumeAnnouncement,
  startAnnouncement,
} from '../../src/announcements/life-cycle.ts';
import { unfreeze } from '../../src/announcements/planning.ts';
import { holdSending, releaseSending } from '../../src/announcements/sending-hold.ts';
import { moveMeeting } from '../../src/announcements/meeting-changes.ts';
import {
  announcements,
  deliveries,
  serviceMails,
  subscribers,
  suppressions,
  topicSubscriptions,
} from '../../src/db/schema.ts';
import { parseMeetingChange } from '../../src/meetings/meeting-input.ts';
import { ManualClock } from '../support/clock.ts';
import { useTestDatabase } from '../support/database.ts';
import { planning } from '../support/meetings.ts';
import { runsOf } from './runs.ts';

const clock = new ManualClock('2026-11-23T12:00:00Z');
const context = planning(clock);
const database = useTestDatabase();
const runs = runsOf(database, clock);

beforeEach(() => {
  clock.set('2026-11-23T12:00:00Z');
});

describe('freezing', () => {
  it('writes one delivery per person, in chunks, and twice is once', async () => {
    const { id } = await runs.reminder(1203);
    expect(await runs.freeze(id)).toBe(1203);
    expect(await runs.freeze(id)).toBeUndefined();
    const announcement = await findAnnouncement(database.db, id);
    expect(announcement).toMatchObject({ audience: 1203, chunks: 3, meetingSequence: 0 });
    const rows = await database.db.select().from(deliveries);
    expect(new Set(rows.map((row) => row.messageId)).size).toBe(1203);
    expect(new Set(rows.map((row) => row.chunk))).toEqual(new Set([0, 1, 2]));
    for (const twice of [
      { ...rows[0]!, emailNormalised: 'another@example.org' },
      { ...rows[0]!, id: crypto.randomUUID() },
    ]) {
      await expect(database.db.insert(deliveries).values(twice)).rejects.toThrow();
    }
  });

  it('begins with other people from one announcement to the next', async () => {
    let { id } = await runs.reminder(1203);
    const firstToHear: string[][] = [];
    for (const start of ['000000', '000001', '000002', '000003']) {
      const next = `019ab000-0000-7000-8000-000000${start}`;
      await database.db.update(announcements).set({ id: next }).where(eq(announcements.id, id));
      id = next;
      await runs.freeze(id);
      const chunk = await database.db.select().from(deliveries).where(eq(deliveries.chunk, 0));
      firstToHear.push(chunk.map(({ email }) => email).sort());
      await unfreeze(database.db, id);
    }
    const [first, second, third, fourth] = firstToHear;
    expect(new Set([...first!, ...second!, ...third!]).size).toBe(1203);
    expect(fourth).toEqual(first);
  });

  it('names in the books who is left out and why', async () => {
    const { id, people } = await runs.reminder(5);
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
    await runs.freeze(id);
    expect(await runs.books(id)).toMatchObject({ audience: 4, pending: 2, excluded: 2 });
    const rows = await database.db.select().from(deliveries).where(eq(deliveries.state, 'excluded'));
    expect(rows.map((row) => row.reason).sort()).toEqual([
      'Has paused mail for a while.',
      'The address is on the do-not-mail list.',
    ]);
  });

  it('is undone when the meeting moves before the notice starts, and made afresh', async () => {
    const { id, meetingId } = await runs.reminder(3);
    clock.set('2026-11-25T17:58:00Z');
    await runs.freeze(id);
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
    expect(await runs.freeze(id)).toBe(3);
  });
});

describe('starting', () => {
  it('waits for its time, for the end of the quiet hours, and happens once', async () => {
    const { id } = await runs.reminder(1);
    await runs.freeze(id);
    expect(await startAnnouncement(database.db, id, context)).toBe(false);
    clock.set('2026-11-25T18:00:00Z');
    const started = await Promise.all([
      startAnnouncement(database.db, id, context),
      startAnnouncement(database.db, id, context),
    ]);
    expect(started.filter(Boolean)).toHaveLength(1);
  });

  it('does not happen past the late limit: the notice is missed and the administrator is told', async () => {
    const { id } = await runs.reminder(1);
    await runs.freeze(id);
    clock.set('2026-11-25T19:00:01Z');
    expect(await startAnnouncement(database.db, id, context)).toBe(false);
    await closeLateAnnouncement(database.db, id, context);
    await closeLateAnnouncement(database.db, id, context);
    expect((await findAnnouncement(database.db, id)).state).toBe('missed');
    expect(await runs.books(id)).toMatchObject({ failed: 1, pending: 0 });
    const mails = await database.db.select().from(serviceMails);
    expect(mails.map((mail) => mail.kind)).toEqual(['missed']);
  });
});

describe('claiming', () => {
  it('gives each delivery to one worker only', async () => {
    const { id } = await runs.running(40);
    const batches = await Promise.all(Array.from({ length: 12 }, (_, n) => runs.claim(id, 5, `worker/${n}`)));
    const ids = batches.flat().map((delivery) => delivery.id);
    expect(ids).toHaveLength(40);
    expect(new Set(ids).size).toBe(40);
  });

  it('decides consent at the last moment', async () => {
    const { id, people } = await runs.running(4);
    await database.db
      .update(topicSubscriptions)
      .set({ subscribed: false })
      .where(eq(topicSubscriptions.subscriberId, people[0]!));
    await database.db.update(subscribers).set({ state: 'removed' }).where(eq(subscribers.id, people[1]!));
    await database.db.delete(subscribers).where(eq(subscribers.id, people[2]!));
    const claimed = await runs.claim(id, 10);
    expect(claimed.map((delivery) => delivery.email)).toEqual(['person3@example.org']);
    const rows = await database.db.select().from(deliveries).where(eq(deliveries.state, 'excluded'));
    expect(rows.map((row) => row.reason).sort()).toEqual([
      'Does not get mail about this topic.',
      'The person was erased.',
      'Was removed by the administrator.',
    ]);
    await runs.settle(
      id,
      claimed.map((delivery) => runs.sent(delivery.id)),
    );
    expect(await finishAnnouncement(database.db, id, { clock })).toBe(true);
    expect(await runs.books(id)).toMatchObject({ audience: 4, sent: 1, excluded: 3 });
  });

  it('gives nothing to anybody while all sending is held, also in the middle of a run', async () => {
    const { id } = await runs.running(10);
    expect(await runs.claim(id, 4, 'worker/1')).toHaveLength(4);
    await holdSending(database.db, { reason: 'The database was restored.' }, context);
    expect(await runs.claim(id, 4, 'worker/2')).toEqual([]);
    await releaseSending(database.db, context);
    expect(await runs.claim(id, 10, 'worker/3')).toHaveLength(6);
  });

  it('stops with a hold at 40 of 100 and goes on where it stopped', async () => {
    const { id } = await runs.running(100);
    const first = await runs.claim(id, 40);
    await runs.settle(
      id,
      first.map((delivery) => runs.sent(delivery.id)),
    );
    await holdAnnouncement(database.db, id, null, context);
    expect(await runs.claim(id, 10)).toEqual([]);
    await resumeAnnouncement(database.db, id, context);
    const rest = await runs.claim(id, 100, 'worker/2');
    await runs.settle(
      id,
      rest.map((delivery) => runs.sent(delivery.id)),
      'worker/2',
    );
    expect(rest).toHaveLength(60);
    expect(new Set([...first, ...rest].map((delivery) => delivery.id)).size).toBe(100);
    expect(await runs.books(id)).toMatchObject({ sent: 100, pending: 0 });
  });

  it('finds nothing once the announcement is cancelled or too late', async () => {
    const { id } = await runs.running(3);
    clock.set('2026-11-25T19:00:00Z');
    expect(await runs.claim(id, 1)).toEqual([]);
    clock.set('2026-11-25T18:30:00Z');
    await cancelAnnouncement(database.db, id, 'Wrong text', context);
    expect(await runs.claim(id, 1)).toEqual([]);
    expect(await runs.books(id)).toMatchObject({ cancelled: 3 });
    await expect(cancelAnnouncement(database.db, id, null, context)).rejects.toThrow('It was cancelled');
  });

  it('whose answer was lost is given back and nobody is skipped', async () => {
    const { id } = await runs.running(3);
    await runs.claim(id, 2, 'worker/lost');
    await giveBackClaim(database.db, { announcementId: id, claim: 'worker/lost' }, { clock });
    expect(await runs.claim(id, 5, 'worker/next')).toHaveLength(3);
  });
});

describe('settling', () => {
  it('keeps each outcome apart: one bad recipient does not touch the others', async () => {
    const { id } = await runs.running(4);
    const [a, b, c, d] = await runs.claim(id, 4);
    await runs.settle(id, [
      runs.sent(a!.id),
      { id: b!.id, state: 'failed', reason: '550 5.1.1 no such user', suppress: true },
      { id: c!.id, state: 'unknown', reason: 'Connection lost after the message.' },
      { id: d!.id, state: 'failed', reason: 'The message could not be made.' },
    ]);
    expect(await runs.books(id)).toMatchObject({ sent: 1, failed: 2, unknown: 1 });
    expect((await database.db.select().from(suppressions)).map((row) => row.emailNormalised)).toEqual([
      b!.email,
    ]);
    expect(await runs.claim(id, 5)).toEqual([]);
  });

  it('retries later what was put off, and not before', async () => {
    const { id } = await runs.running(1);
    const [delivery] = await runs.claim(id, 1);
    await runs.settle(id, [
      {
        id: delivery!.id,
        state: 'pending',
        reason: '451 busy',
        retryAt: clock.now().add({ minutes: 5 }),
        senderFault: false,
      },
    ]);
    clock.advance({ minutes: 4 });
    expect(await runs.claim(id, 1)).toEqual([]);
    clock.advance({ minutes: 2 });
    expect(await runs.claim(id, 1, 'worker/2')).toMatchObject([{ attempts: 1 }]);
  });

  it('pauses the run after refusals in a row, tells the administrator, and serves everybody once it is resumed', async () => {
    const { id } = await runs.running(8);
    for (let n = 1; n <= SENDER_FAULT_LIMIT; n++) {
      const [delivery] = await runs.claim(id, 1, `worker/${n}`);
      await runs.settle(id, [runs.refused(delivery!.id)], `worker/${n}`);
    }
    expect(await findAnnouncement(database.db, id)).toMatchObject({
      state: 'held',
      stateReason: expect.stringContaining('does not accept our password'),
    });
    expect((await database.db.select().from(serviceMails)).map((mail) => mail.kind)).toEqual(['run-held']);
    await resumeAnnouncement(database.db, id, context);
    expect(await runs.claim(id, 20, 'worker/9')).toHaveLength(8);
  });

  it('does not pause a run in which others are served', async () => {
    const { id } = await runs.running(20);
    for (let n = 0; n < 8; n++) {
      const [one, two] = await runs.claim(id, 2, `worker/${n}`);
      await runs.settle(id, [runs.refused(one!.id)], `worker/${n}`);
      if (two) await runs.settle(id, [runs.sent(two.id)], `worker/${n}`);
    }
    expect((await findAnnouncement(database.db, id)).state).toBe('sending');
  });

  it('goes together with the next claim', async () => {
    const { id } = await runs.running(7);
    const first = await runs.claim(id, 2);
    const second = await runs.goOn(
      id,
      first.map((one) => runs.sent(one.id)),
      2,
    );
    expect(await runs.books(id)).toMatchObject({ sent: 2, pending: 5 });
    const third = await runs.goOn(
      id,
      second.map((one) => runs.sent(one.id)),
      2,
      'worker/1+',
    );
    expect(await runs.books(id)).toMatchObject({ sent: 4, pending: 3 });
    // A claim of another name settles nothing, and claims nothing twice.
    const other = await runs.goOn(
      id,
      third.map((one) => runs.sent(one.id)),
      5,
      'worker/2',
    );
    expect(other).toHaveLength(1);
    expect(await runs.books(id)).toMatchObject({ sent: 4, pending: 3 });
    await holdAnnouncement(database.db, id, null, context);
    expect(
      await runs.goOn(
        id,
        third.map((one) => runs.sent(one.id)),
        5,
        'worker/1++',
      ),
    ).toEqual([]);
    expect(await runs.books(id)).toMatchObject({ sent: 6, pending: 1 });
  });

  it.each([1, 0])(
    'together with the next claim ends a row of refusals, with %i left to claim',
    async (left) => {
      const { id } = await runs.running(SENDER_FAULT_LIMIT + left);
      for (let n = 1; n < SENDER_FAULT_LIMIT; n++) {
        const [delivery] = await runs.claim(id, 1, `worker/${n}`);
        const later = { ...runs.refused(delivery!.id), retryAt: clock.now().add({ hours: 1 }) };
        await runs.settle(id, [later], `worker/${n}`);
      }
      expect((await findAnnouncement(database.db, id)).senderFaults).toBe(SENDER_FAULT_LIMIT - 1);
      const [taken] = await runs.claim(id, 1, 'worker/9');
      expect(await runs.goOn(id, [runs.sent(taken!.id)], 5, 'worker/9')).toHaveLength(left);
      expect((await findAnnouncement(database.db, id)).senderFaults).toBe(0);
    },
  );

  it('of another worker’s claim does nothing', async () => {
    const { id } = await runs.running(1);
    const [delivery] = await runs.claim(id, 1, 'worker/1');
    await runs.settle(id, [{ id: delivery!.id, state: 'failed', reason: 'x' }], 'worker/2');
    expect(await runs.books(id)).toMatchObject({ pending: 1, failed: 0 });
  });
});

describe('a dead worker', () => {
  const ALL_SILENT = () => ({ silentSince: clock.now(), lostSince: clock.now() });

  it('that only stood still gives back what it held, and the run that was finished meanwhile goes on', async () => {
    const { id } = await runs.running(4);
    const [first, second] = await runs.claim(id, 2, 'still/1');
    await runs.claim(id, 2, 'still/2');
    clock.advance({ seconds: 30 });
    await rescueDeliveries(database.db, ALL_SILENT(), { clock });
    expect(await finishAnnouncement(database.db, id, { clock })).toBe(true);
    await runs.settle(id, [runs.sent(first!.id), runs.interrupted(second!.id)], 'still/1');
    await giveBackClaim(database.db, { announcementId: id, claim: 'still/2' }, { clock });
    expect(await findAnnouncement(database.db, id)).toMatchObject({ state: 'sending' });
    const again = await runs.claim(id, 9, 'next/1');
    expect(again).toHaveLength(3);
    await runs.settle(
      id,
      again.map((delivery) => runs.sent(delivery.id)),
      'next/1',
    );
    expect(await finishAnnouncement(database.db, id, { clock })).toBe(true);
    expect(await runs.books(id)).toMatchObject({ sent: 4, unknown: 0, pending: 0 });
  });

  it('that comes back at the very moment at which its run is finished leaves nothing pending in it', async () => {
    const { id } = await runs.running(1);
    const [held] = await runs.claim(id, 1, 'still/1');
    clock.advance({ seconds: 30 });
    await rescueDeliveries(database.db, ALL_SILENT(), { clock });
    const finishing = await database.db.transaction(async (tx) => {
      const settlements = [runs.interrupted(held!.id)];
      await settleDeliveries(
        tx,
        { announcementId: id, claim: 'still/1', settlements },
        { clock, addressHash: runs.addressHash },
      );
      const finished = finishAnnouncement(database.db, id, { clock });
      // Long enough for the other to have looked, where it can look at all.
      for (let n = 0; n < 50; n++) await tx.execute(sql`select 1`);
      return { finished };
    });
    expect(await finishing.finished).toBe(false);
    expect(await runs.claim(id, 1, 'next/1')).toHaveLength(1);
  });

  it('leaves what it was handing over as unknown, and only that; a person resolves it', async () => {
    const { id } = await runs.running(10);
    const claimed = await runs.claim(id, 3, 'dead/1');
    const alive = await runs.claim(id, 2, 'alive/1');
    clock.advance({ seconds: 30 });
    await database.db.execute(
      sql`insert into heartbeats (name, at) values ('worker:alive', ${clock.now().toString()}::timestamptz)`,
    );
    const since = {
      silentSince: clock.now().subtract({ seconds: 20 }),
      lostSince: clock.now().subtract({ minutes: 10 }),
    };
    expect(await rescueDeliveries(database.db, since, { clock })).toBe(3);
    await runs.settle(
      id,
      alive.map((delivery) => runs.sent(delivery.id)),
      'alive/1',
    );
    expect(await runs.books(id)).toMatchObject({ unknown: 3, sent: 2, pending: 5 });
    expect(await runs.claim(id, 20, 'next/1')).toHaveLength(5);
    const [first, ...others] = claimed.map((delivery) => delivery.id);
    const resolve = (deliveryIds: readonly string[] | 'all', outcome: 'sent' | 'failed') =>
      resolveUnknown(database.db, { announcementId: id, deliveryIds, outcome }, context);
    expect(await resolve([first!], 'sent')).toBe(1);
    expect(await resolve('all', 'failed')).toBe(others.length);
    await expect(resolve('all', 'failed')).rejects.toThrow('None of these deliveries');
    expect(await runs.books(id)).toMatchObject({ unknown: 0, sent: 3, failed: 2 });
  });

  it('that comes back and knows the outcome puts it right', async () => {
    const { id } = await runs.running(1);
    const [delivery] = await runs.claim(id, 1, 'stopped/1');
    clock.advance({ seconds: 30 });
    const since = {
      silentSince: clock.now().subtract({ seconds: 20 }),
      lostSince: clock.now().subtract({ minutes: 10 }),
    };
    await rescueDeliveries(database.db, since, { clock });
    await runs.settle(id, [runs.sent(delivery!.id)], 'stopped/1');
    expect(await runs.books(id)).toMatchObject({ unknown: 0, sent: 1 });
  });
});
