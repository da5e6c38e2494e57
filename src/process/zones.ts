import { sql } from 'drizzle-orm';
import { checkZoneData } from '../calendar/clock-change.ts';
import { toWall } from '../calendar/wall.ts';
import { rows, type Tx } from '../db/open.ts';
import { ConvenorError } from '../kernel/errors.ts';

/**
 * Refuses to go on with zone data that would put notices an hour off: what this program computes is held against the
 * law on the UK's clock changes and against the database's own zone data.
 *
 * @throws ConvenorError `unavailable` that says what disagrees.
 */
export async function assertZoneData(tx: Tx, now: Temporal.Instant): Promise<void> {
  const wrong = checkZoneData(now);
  if (wrong !== undefined) throw new ConvenorError('unavailable', wrong);
  const first = toWall(now, 'Europe/London').toPlainDate().with({ day: 1 });
  const instants = Array.from({ length: 24 }, (_, month) =>
    first.add({ months: month }).toZonedDateTime({ timeZone: 'UTC', plainTime: '12:00' }).toInstant(),
  );
  const walls = await rows<{ wall: string }>(
    tx,
    sql`select to_char(at at time zone 'Europe/London', 'YYYY-MM-DD"T"HH24:MI:SS') as wall
        from unnest(string_to_array(${instants.join(' ')}, ' ')::timestamptz[]) with ordinality as t(at, n) order by n`,
  );
  const apart = instants.find(
    (instant, index) => toWall(instant, 'Europe/London').toString() !== walls[index]?.wall,
  );
  if (apart === undefined) return;
  throw new ConvenorError(
    'unavailable',
    `This program and the database disagree about UK time on ${apart.toString().slice(0, 10)}. Bring the zone data (tzdata) of both up to date.`,
  );
}
