import { sql } from 'drizzle-orm';
import { addMeeting, moveMeeting, type ChangeContext } from '../../src/announcements/meeting-changes.ts';
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

const ZONE = 'Europe/London';

/** A stretch of time in which nothing of an announcement may be claimed, in milliseconds of this machine's clock. */
export interface Stop {
  readonly announcementId: string;
  readonly why: 'hold' | 'cancel' | 'moved meeting' | 'quiet hours';
  readonly from: number;
  to: number;
}

/** The group and its administrator, who work on the database while everything else breaks. */
export class Group {
  readonly stops: Stop[] = [];
  readonly #db: Db;
  readonly #context: ChangeContext;

  constructor(db: Db, shift: () => number) {
    this.#db = db;
    const clock = { now: () => Temporal.Instant.fromEpochMilliseconds(Date.now() + shift()) };
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
    // What really happened, on the one clock that nobody shifts: the program's own columns follow the shifted clocks.
    for (const statement of [
      `create table chaos_claims (delivery_id uuid, announcement_id uuid, claimed_by text,
        at timestamptz not null default clock_timestamp())`,
      `create function chaos_note_claim() returns trigger language plpgsql as $$ begin
        insert into chaos_claims (delivery_id, announcement_id, claimed_by)
          values (new.id, new.announcement_id, new.claimed_by);
        return null; end $$`,
      `create trigger chaos_note_claim after update on deliveries for each row
        when (new.state = 'sending' and old.state <> 'sending') execute function chaos_note_claim()`,
    ]) {
      await this.#db.execute(sql.raw(statement));
    }
  }

  /** Adds meetings whose one reminder is due at the next full minute. */
  async addMeetings(count: number, label: string): Promise<void> {
    const nextMinute = this.#context.clock.now().round({ smallestUnit: 'minute', roundingMode: 'ceil' });
    const start = nextMinute.add({ hours: 1 }).toZonedDateTimeISO(ZONE).toPlainDateTime().toString();
    for (let n = 0; n < count; n++) {
      await addMeeting(
        this.#db,
        singleMeeting(start, { title: `Meeting ${label}.${n}`, remind: ['1h'] }),
        this.#context,
      );
    }
  }

  async sending(): Promise<{ id: string; meetingId: string | null }[]> {
    return rows(
      this.#db,
      sql`select id, meeting_id as "meetingId" from announcements where state = 'sending' order by id`,
    );
  }

  async hold(announcementId: string): Promise<Stop> {
    await holdAnnouncement(this.#db, announcementId, 'for a moment', this.#context);
    return this.#stopped({ announcementId, why: 'hold' });
  }

  async resume(stop: Stop): Promise<void> {
    // From here on claims are allowed, even when the answer to this is lost.
    stop.to = Date.now();
    await tolerant(resumeAnnouncement(this.#db, stop.announcementId, this.#context));
  }

  async cancel(announcementId: string): Promise<void> {
    await cancelAnnouncement(this.#db, announcementId, null, this.#context);
    this.#stopped({ announcementId, why: 'cancel' });
  }

  /** Moves the meeting of a reminder that is going out to the next day. */
  async move(announcementId: string, meetingId: string): Promise<void> {
    const start = this.#context.clock
      .now()
      .add({ hours: 27 })
      .toZonedDateTimeISO(ZONE)
      .round('minute')
      .toPlainDateTime()
      .toString();
    await moveMeeting(this.#db, meetingId, parseMeetingChange({ start }, ZONE), this.#context);
    this.#stopped({ announcementId, why: 'moved meeting' });
  }

  /** As an administrator who was told would: lets runs go on that paused themselves. */
  async resumePaused({ all = false } = {}): Promise<number> {
    const paused = await rows<{ id: string }>(
      this.#db,
      sql`select id from announcements where state = 'held' and (${all}::boolean or state_by = 'system')`,
    );
    for (const { id } of paused) await tolerant(resumeAnnouncement(this.#db, id, this.#context));
    return paused.length;
  }

  #stopped(stop: Omit<Stop, 'from' | 'to'>): Stop {
    const noted = { ...stop, from: Date.now(), to: Number.POSITIVE_INFINITY };
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
