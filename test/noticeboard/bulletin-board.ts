import { asc, eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { Announcement } from '../../src/announcements/announcements.ts';
import { planBulletins } from '../../src/announcements/bulletins.ts';
import { saveBulletinSchedule } from '../../src/announcements/bulletins-changes.ts';
import { readBulletin } from '../../src/announcements/bulletins-content.ts';
import { parseBulletinSchedule } from '../../src/announcements/bulletins-schedules.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { announcements, serviceMails, type ItemKind } from '../../src/db/schema.ts';
import { addItem } from '../../src/noticeboard/moderation.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { planning } from '../support/meetings.ts';
import { AGREEMENT, input, NO_TERMS } from './handing-in.ts';

/** When the bulletin of 7 June 2027 is drafted. */
export const DRAFTED = '2027-06-05T08:00:00Z';

/** A noticeboard on 1 June 2027 for each test of a file, and what its bulletins are made with. */
export function useBulletins() {
  const clock = new ManualClock('2027-06-01T12:00:00Z');
  const context = planning(clock);
  let database: OpenDatabase;
  beforeAll(async () => {
    database = await openTestDatabase();
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    await emptyDatabase(database);
    clock.set('2027-06-01T12:00:00Z');
  });

  /** First Monday of the month at 09:00: the next one is 7 June 2027, drafted on the 5th. */
  const schedule = (changes: object = {}) =>
    saveBulletinSchedule(
      database.db,
      parseBulletinSchedule(
        {
          topic: 'vacancies',
          rule: 'FREQ=MONTHLY;BYDAY=1MO',
          time: '09:00',
          zone: 'Europe/London',
          approval: 'automatic',
          ...changes,
        },
        clock.now().toZonedDateTimeISO('Europe/London').toPlainDate(),
      ),
      context,
    );

  const plan = () => planBulletins(database.db, context);

  const added = (kind: ItemKind, changes: object) =>
    addItem(
      database.db,
      { input: input(clock, kind, changes), ...AGREEMENT },
      { clock, actor: 'test', settings: NO_TERMS },
    );

  /** A vacancy on the noticeboard, unlike the others. */
  const post = (n: number, changes: object = {}) =>
    added('vacancy', { role: `Post ${n}`, link: `https://jobs.example.org/${n}`, ...changes });

  const all = () => database.db.select().from(announcements).orderBy(asc(announcements.sendAt));

  async function only(): Promise<Announcement> {
    const found = await all();
    expect(found).toHaveLength(1);
    return found[0]!;
  }

  const titles = async (row: Announcement) =>
    (await readBulletin(database.db, row, { clock })).items.map(({ title }) => title);

  async function mails(kind: string): Promise<number> {
    return (await database.db.select().from(serviceMails).where(eq(serviceMails.kind, kind))).length;
  }

  return {
    clock,
    context,
    /** Of the test that runs. */
    db: () => database.db,
    empty: () => emptyDatabase(database),
    schedule,
    plan,
    added,
    post,
    all,
    only,
    titles,
    mails,
  };
}
