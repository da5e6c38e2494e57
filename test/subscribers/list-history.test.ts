import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { recordConsent } from '../../src/subscribers/consent-ledger.ts';
import { consentToCount, countConsent, listHistory } from '../../src/subscribers/list-history.ts';
import { ManualClock } from '../support/clock.ts';
import { openTestDatabase } from '../support/database.ts';
import { addPeople } from '../support/meetings.ts';

let database: OpenDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

const until = Temporal.PlainYearMonth.from('2026-12');

it('folds the ledger into months, however often and in whatever steps it is counted', async () => {
  const { db } = database;
  const clock = new ManualClock('2026-09-10T12:00:00Z');
  const [ann, bob] = await addPeople(db, clock, 2);
  const act = (subscriberId: string, topic: 'meetings' | 'news', what: 'given' | 'withdrawn' | 'lapsed') =>
    recordConsent(db, [{ subscriberId, topic, act: what, source: 'administrator' }], { clock });
  const count = () => countConsent(db, { zone: 'Europe/London' });

  await act(ann!, 'meetings', 'given');
  await count();
  await act(ann!, 'meetings', 'given');
  await act(bob!, 'news', 'given');
  await act(bob!, 'meetings', 'given');
  await count();
  await count();
  expect(await consentToCount(db)).toBe(false);

  // An hour of summer time before the end of October in UTC is November on the group's clock in no case, but
  // the last half hour of September in UTC is October there.
  clock.set('2026-09-30T23:30:00Z');
  await act(bob!, 'meetings', 'withdrawn');
  clock.set('2026-11-02T12:00:00Z');
  await act(bob!, 'news', 'lapsed');
  await act(ann!, 'meetings', 'withdrawn');
  await act(ann!, 'meetings', 'given');
  await act(ann!, 'news', 'withdrawn');
  expect(await consentToCount(db)).toBe(true);
  await count();

  const history = await listHistory(db, { until, months: 12 });
  expect(
    history.map(({ month, size, joined, left }) => [
      month.toString(),
      size.meetings,
      size.news,
      joined,
      left,
    ]),
    // One agreement to the meetings is that of a third person, on which the two of `addPeople` rest.
  ).toEqual([
    ['2026-09', 3, 1, 3, 0],
    ['2026-10', 2, 1, 0, 0],
    ['2026-11', 2, 0, 1, 2],
    ['2026-12', 2, 0, 0, 0],
  ]);
  expect(await listHistory(db, { until, months: 2 })).toHaveLength(2);
});
