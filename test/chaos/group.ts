import { sql } from 'drizzle-orm';
import {
  addMeeting,
  cancelMeeting,
  moveMeeting,
  type ChangeContext,
} from '../../src/announcements/meeting-changes.ts';
import {
  cancelAnnouncement,
  holdAnnouncement,
  resumeAnnouncement,
} from '../../src/announcements/life-cycle.ts';
import { rows, type Db } from '../../src/db/open.ts';
import { ConvenorError } from '../../src/kernel/errors.ts';
import { parseMeetingChange } from '../../src/meetings/meeting-input.ts';
import { changeSetting } from '../../src/organisation/settings.ts';
import { addPeople, planning, singleMeeting } from '../support/meetings.ts';
import { BRIEF, noteClaims } from './ledger.ts';

const ZONE = 'Europe/London';

export type StopKind =
  'hold' | 'hold until too late' | 'cancelled announcement' | 'moved meeting' | 'cancelled meeting';

/** A stretch of time in which nothing of an announcement may be claimed, in milliseconds of this machine's clock. */
export interface Stop {
  readonly announcementId: string;
  readonly meetingId: string | null;
  readonly why: StopKind;
  readonly from: number;
  to: number;
}

/** An announcement that is going out. */
export interface Running {
  readonly id: string;
  readonly meetingId: string | null;
}

/** The group and its administrator, who work on the database while everything else breaks. */
export class Group {
  readonly stops: Stop[] = [];
  readonly #db: Db;
  readonly #context: ChangeContext;

  /** @param now the group's time, in milliseconds. */
  constructor(db: Db, now: () => number) {
    this.#db = db;
    const clock = { now: () => Temporal.Instant.fromEpochMilliseconds(now()) };
    this.#context = planning(clock);
  }

  async setUp(subscribers: number): Promise<void> {
    for (const [key, value] of [
      ['organisationName', 'Example OT Ltd'],
      ['groupName', 'OT network'],
      ['postalAddress', '1 Example Street\nLondon'],
      ['contactEmail', 'network@example.org'],
      ['quietHours', 'off'],
      ['bankHolidays', 'off'],
    ] as const) {
      await changeSetting(this.#db, key, value, this.#context);
    }
    await addPeople(this.#db, this.#context.clock, subscribers);
    await noteClaims(this.#db);
  }

  /** Quiet hours between two instants, in milliseconds of the group's clock. */
  async setQuietHours(from: number, to: number): Promise<void> {
    const [begin, end] = [from, to].map((at) =>
      Temporal.Instant.fromEpochMilliseconds(at)
        .toZonedDateTimeISO(ZONE)
        .toPlainTime()
        .toString({ smallestUnit: 'minute' }),
    );
    await changeSetting(this.#db, 'quietHours', `${begin}-${end}`, this.#context);
  }

  /** Adds meetings whose one reminder is due at the next full minute, and which begin `lead` minutes later. */
  async addMeetings(count: number, label: string, lead = 60): Promise<void> {
    const nextMinute = this.#context.clock.now().round({ smallestUnit: 'minute', roundingMode: 'ceil' });
    const start = this.#wall(nextMinute.add({ minutes: lead }));
    for (let n = 0; n < count; n++) {
      await addMeeting(
        this.#db,
        singleMeeting(start, { title: `Meeting ${label}.${n}`, remind: [`${lead}m`] }),
        this.#context,
      );
    }
  }

  /** Reminders that are going out and are of use for long enough, in the order of their ids. */
  async sending(): Promise<Running[]> {
    return rows(
      this.#db,
      sql`select id, meeting_id as "meetingId" from announcements
        where state = 'sending' and kind = 'reminder' and not (${BRIEF}) order by id`,
    );
  }

  async hold(run: Running): Promise<Stop> {
    await holdAnnouncement(this.#db, run.id, 'for a moment', this.#context);
    return this.#stopped(run, 'hold');
  }

  async resume(stop: Stop): Promise<void> {
    // From here on claims are allowed, even when the answer to this is lost.
    stop.to = Date.now();
    await tolerant(resumeAnnouncement(this.#db, stop.announcementId, this.#context));
  }

  /**
   * Holds what is of use for a few minutes only and nobody has set aside yet, for good: it is missed, or what of it is
   * left fails.
   *
   * @returns how many there were.
   */
  async forgetShort(): Promise<number> {
    const short = await rows<Running>(
      this.#db,
      sql`select id, meeting_id as "meetingId" from announcements
        where state in ('approved', 'sending') and kind = 'reminder' and ${BRIEF}`,
    );
    for (const run of short) {
      await holdAnnouncement(this.#db, run.id, 'and forgotten', this.#context);
      this.#stopped(run, 'hold until too late');
    }
    return short.length;
  }

  async cancel(run: Running): Promise<void> {
    await cancelAnnouncement(this.#db, run.id, null, this.#context);
    this.#stopped(run, 'cancelled announcement');
  }

  /** Moves the meeting of a reminder that is going out by a few minutes. */
  async move(run: Running): Promise<void> {
    if (run.meetingId === null) return;
    const start = this.#wall(this.#context.clock.now().add({ minutes: 64 }));
    await moveMeeting(this.#db, run.meetingId, parseMeetingChange({ start }, ZONE), this.#context);
    this.#stopped(run, 'moved meeting');
  }

  async cancelMeeting(run: Running): Promise<void> {
    if (run.meetingId === null) return;
    await cancelMeeting(this.#db, run.meetingId, null, this.#context);
    this.#stopped(run, 'cancelled meeting');
  }

  /** As an administrator who was told would: lets runs go on that paused themselves. */
  async resumePaused({ all = false } = {}): Promise<number> {
    const forgotten = new Set(
      this.stops.filter(({ why }) => why === 'hold until too late').map((stop) => stop.announcementId),
    );
    const paused = await rows<{ id: string }>(
      this.#db,
      sql`select id from announcements where state = 'held' and (${all}::boolean or state_by = 'system')`,
    );
    const wanted = paused.filter(({ id }) => !forgotten.has(id));
    for (const { id } of wanted) {
      for (const stop of this.stops) if (stop.announcementId === id) stop.to = Math.min(stop.to, Date.now());
      await tolerant(resumeAnnouncement(this.#db, id, this.#context));
    }
    return wanted.length;
  }

  #wall(at: Temporal.Instant): string {
    return at
      .toZonedDateTimeISO(ZONE)
      .round({ smallestUnit: 'minute', roundingMode: 'ceil' })
      .toPlainDateTime()
      .toString();
  }

  #stopped({ id, meetingId }: Running, why: StopKind): Stop {
    const noted = { announcementId: id, meetingId, why, from: Date.now(), to: Number.POSITIVE_INFINITY };
    this.stops.push(noted);
    return noted;
  }
}

/** A refusal because things have moved on is no fault; neither is a database that is away. */
async function tolerant(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ConvenorError)) throw error;
  }
}
