import { eq, sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { attendanceLists, attendances } from '../db/schema.ts';
import { readSession } from './lists.ts';
import { sessionSeconds } from './merge.ts';
import { rsvpCounts, type RsvpCounts } from './rsvps.ts';

/** One line of the list of those who came. */
export interface AttendanceLine {
  readonly id: string;
  readonly subscriberId: string | null;
  /** As the list has them; for a guest as Zoom showed them. */
  readonly name: string;
  readonly otherNames: readonly string[];
  readonly matchedBy: 'email' | 'rsvp' | 'person' | null;
  /** Somebody of this name on the list, for the administrator to confirm. */
  readonly suggestion: { readonly subscriberId: string; readonly name: string | null } | null;
  readonly byPhone: boolean;
  readonly minutes: number;
  /** Share of the session, whole percent, rounded down. */
  readonly share: number;
  readonly joins: number;
  readonly firstJoinedAt: Temporal.Instant | null;
  readonly lastLeftAt: Temporal.Instant | null;
  readonly certificateId: string | null;
}

export interface AttendanceReport {
  readonly list: 'none' | 'taken';
  readonly source: 'zoom' | 'file' | null;
  readonly takenAt: Temporal.Instant | null;
  readonly problem: string | null;
  readonly sessionMinutes: number;
  readonly known: readonly AttendanceLine[];
  /** People who are not on the list, or of whom nobody has said yet who they are. */
  readonly guests: readonly AttendanceLine[];
  readonly answers: RsvpCounts;
}

/** Who came to a meeting, how long, and who had said they would. */
export async function attendanceReport(tx: Tx, meetingId: string): Promise<AttendanceReport> {
  const [list] = await tx.select().from(attendanceLists).where(eq(attendanceLists.meetingId, meetingId));
  const seconds = sessionSeconds(await readSession(tx, meetingId));
  const lines = await readLines(tx, meetingId, seconds);
  return {
    list: list?.takenAt ? 'taken' : 'none',
    source: list?.source ?? null,
    takenAt: list?.takenAt ?? null,
    problem: list?.problem ?? null,
    sessionMinutes: Math.round(seconds / 60),
    known: lines.filter(({ subscriberId }) => subscriberId !== null),
    guests: lines.filter(({ subscriberId }) => subscriberId === null),
    answers: await rsvpCounts(tx, meetingId),
  };
}

async function readLines(tx: Tx, meetingId: string, sessionLength: number): Promise<AttendanceLine[]> {
  // Columns are written out: in a select of one table drizzle names them bare, and an inner query has columns alike.
  const found = await tx
    .select({
      row: attendances,
      subscriberName: sql<
        string | null
      >`(select s.name from subscribers s where s.id = attendances.subscriber_id)`,
      suggestedName: sql<
        string | null
      >`(select s.name from subscribers s where s.id = attendances.suggested_id)`,
      certificateId: sql<string | null>`(select c.id from certificates c
        where c.meeting_id = attendances.meeting_id and c.subscriber_id = attendances.subscriber_id
          and c.revoked_at is null)`,
    })
    .from(attendances)
    .where(eq(attendances.meetingId, meetingId));
  return found
    .map(({ row, subscriberName, suggestedName, certificateId }) => {
      const name = subscriberName ?? row.names[0] ?? '';
      return {
        id: row.id,
        subscriberId: row.subscriberId,
        name,
        otherNames: row.names.filter((other) => other !== name),
        matchedBy: row.matchedBy,
        suggestion: row.suggestedId === null ? null : { subscriberId: row.suggestedId, name: suggestedName },
        byPhone: row.byPhone,
        minutes: Math.floor(row.seconds / 60),
        share: Math.floor((100 * row.seconds) / sessionLength),
        joins: row.joins,
        firstJoinedAt: row.firstJoinedAt,
        lastLeftAt: row.lastLeftAt,
        certificateId,
      };
    })
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en-GB'));
}

/** One meeting in the trend. */
export interface TrendPoint {
  readonly meetingId: string;
  readonly title: string;
  readonly startsAt: Temporal.Instant;
  readonly zone: string;
  readonly people: number;
  readonly guests: number;
  readonly averageMinutes: number;
  readonly saidYes: number;
}

/** Attendance of the latest meetings that have a list, oldest first. Who only waited to be let in does not count. */
export async function attendanceTrend(
  tx: Tx,
  { limit = 12 }: { limit?: number } = {},
): Promise<TrendPoint[]> {
  const found = await rows<Omit<TrendPoint, 'startsAt'> & { startsAt: string }>(
    tx,
    sql`select m.id as "meetingId", m.title, m.starts_at as "startsAt", m.zone,
        count(a.id) filter (where a.seconds > 0)::int as people,
        count(a.id) filter (where a.seconds > 0 and a.subscriber_id is null)::int as guests,
        coalesce(round(avg(a.seconds) filter (where a.seconds > 0) / 60), 0)::int as "averageMinutes",
        (select count(*) from rsvps r where r.meeting_id = m.id and r.answer = 'yes')::int as "saidYes"
      from attendance_lists l
      join meetings m on m.id = l.meeting_id
      left join attendances a on a.meeting_id = m.id
      where l.taken_at is not null
      group by m.id
      order by m.starts_at desc
      limit ${limit}`,
  );
  return found.map((point) => ({ ...point, startsAt: Temporal.Instant.from(point.startsAt) })).toReversed();
}

/** What one person's record says of meetings: answers, attendance, certificates. Newest first. */
export async function attendanceOfPerson(
  tx: Tx,
  subscriberId: string,
): Promise<
  {
    readonly meetingId: string;
    readonly title: string;
    readonly startsAt: Temporal.Instant;
    readonly zone: string;
    readonly answer: string | null;
    readonly minutes: number | null;
    readonly checkCode: string | null;
  }[]
> {
  const found = await rows<{
    meetingId: string;
    title: string;
    startsAt: string;
    zone: string;
    answer: string | null;
    minutes: number | null;
    checkCode: string | null;
  }>(
    tx,
    sql`select m.id as "meetingId", m.title, m.starts_at as "startsAt", m.zone, r.answer,
        (a.seconds / 60)::int as minutes, c.check_code as "checkCode"
      from meetings m
      left join rsvps r on r.meeting_id = m.id and r.subscriber_id = ${subscriberId}
      left join attendances a on a.meeting_id = m.id and a.subscriber_id = ${subscriberId}
      left join certificates c on c.meeting_id = m.id and c.subscriber_id = ${subscriberId} and c.revoked_at is null
      where r.meeting_id is not null or a.id is not null or c.id is not null
      order by m.starts_at desc`,
  );
  return found.map((line) => ({ ...line, startsAt: Temporal.Instant.from(line.startsAt) }));
}
