import { eq } from 'drizzle-orm';
import { expect } from 'vitest';
import { findAnnouncement } from '../../src/announcements/announcements.ts';
import { readBooks } from '../../src/announcements/books.ts';
import { freezeAnnouncement } from '../../src/announcements/expansion.ts';
import {
  claimDeliveries,
  settleDeliveries,
  settleSentAndClaim,
  type Settlement,
} from '../../src/announcements/ledger.ts';
import { startAnnouncement } from '../../src/announcements/life-cycle.ts';
import { addMeeting } from '../../src/announcements/meeting-changes.ts';
import type { OpenDatabase, Tx } from '../../src/db/open.ts';
import { announcements } from '../../src/db/schema.ts';
import { findMeeting } from '../../src/meetings/meetings.ts';
import type { ManualClock } from '../support/clock.ts';
import { addPeople, planning, singleMeeting } from '../support/meetings.ts';

const content = { subject: 'S', html: '<p>H</p>', text: 'T', calendar: null, meetingSequence: 0 };

/** What a run of reminders is driven with, step by step, as a worker would. */
export function runsOf(database: OpenDatabase, clock: ManualClock) {
  const context = planning(clock);
  const addressHash = (address: string) => `hash of ${address}`;

  /** A reminder one hour before a meeting on 25 November at 19:00 UK time. */
  async function reminder(people: number): Promise<{ id: string; meetingId: string; people: string[] }> {
    const ids = await addPeople(database.db, clock, people);
    const meeting = await addMeeting(
      database.db,
      singleMeeting('2026-11-25T19:00', { remind: ['1h'] }),
      context,
    );
    const [row] = await database.db
      .select()
      .from(announcements)
      .where(eq(announcements.meetingId, meeting.id));
    return { id: row!.id, meetingId: meeting.id, people: ids };
  }

  async function freeze(id: string, tx: Tx = database.db) {
    const announcement = await findAnnouncement(tx, id);
    const meeting = await findMeeting(tx, announcement.meetingId!);
    return freezeAnnouncement(
      tx,
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

  /** Settles a claim of this name and claims under the same name followed by `+`. */
  const goOn = (announcementId: string, settlements: Settlement[], limit: number, name = 'worker/1') =>
    settleSentAndClaim(
      database.db,
      { claim: name, settlements },
      { announcementId, chunk: 0, limit, claim: `${name}+` },
      { clock },
    );

  const sent = (id: string): Settlement => ({ id, state: 'sent', reason: '250 ok' });
  const refused = (id: string): Settlement => ({
    id,
    state: 'pending',
    reason: 'The mail server does not accept our password (535).',
    retryAt: clock.now(),
    senderFault: true,
  });
  const interrupted = (id: string): Settlement => ({
    id,
    state: 'pending',
    reason: 'Convenor was interrupted before this message was handed over.',
    retryAt: clock.now(),
    senderFault: false,
  });

  async function books(id: string) {
    const found = (await readBooks(database.db, [id])).get(id)!;
    const { audience, sent: done, excluded, failed, unknown, pending, cancelled } = found;
    expect(audience).toBe(done + excluded + failed + unknown + pending + cancelled);
    return found;
  }

  return { addressHash, reminder, freeze, running, claim, settle, goOn, sent, refused, interrupted, books };
}
