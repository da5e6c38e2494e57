import { afterAll, beforeAll, expect, it } from 'vitest';
import { jobs } from '../../jobs/index.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { announcements, serviceMails } from '../../src/db/schema.ts';
import { createOutboxMailer } from '../../src/outbox/outbox-mailer.ts';
import { loadSampleGroup } from '../../src/process/sample/load.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { runDueWork, testServices } from '../support/services.ts';

let database: OpenDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
  await emptyDatabase(database);
});
afterAll(() => database.close());

it('the sample group has a past that went well, also while a worker looks on', async () => {
  const { db } = database;
  const clock = new ManualClock('2027-01-12T12:00:00Z');
  const services = testServices(database, clock, { mailer: createOutboxMailer(db, { clock }) });
  let loaded = false;
  const loading = loadSampleGroup(services).finally(() => (loaded = true));
  while (!loaded) {
    await runDueWork(jobs, services);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await loading;
  await runDueWork(jobs, services);
  const states = (await db.select().from(announcements)).map(({ state }) => state);
  expect(new Set(states)).toEqual(new Set(['sent', 'approved']));
  expect(await db.select().from(serviceMails)).toEqual([]);
}, 60_000);
