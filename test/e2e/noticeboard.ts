import { jobs } from '../../jobs/index.ts';
import { saveBulletinSchedule } from '../../src/announcements/bulletins-changes.ts';
import { parseBulletinSchedule } from '../../src/announcements/bulletins-schedules.ts';
import type { ChangeContext } from '../../src/announcements/meeting-changes.ts';
import type { BulletinTopic } from '../../src/db/schema.ts';
import type { Db } from '../../src/db/open.ts';
import { askSubmitter } from '../../src/noticeboard/moderation.ts';
import type { Services } from '../../src/process/app.ts';
import { approved, confirmed, handIn } from '../noticeboard/handing-in.ts';
import type { ManualClock } from '../support/clock.ts';
import { runDueWork } from '../support/services.ts';

type By = Omit<ChangeContext, 'clock'> & { readonly clock: ManualClock };

function schedule(db: Db, topic: BulletinTopic, changes: object, by: By) {
  const wanted = { topic, time: '09:00', zone: 'Europe/London', ...changes };
  const today = by.clock.now().toZonedDateTimeISO('Europe/London').toPlainDate();
  return saveBulletinSchedule(db, parseBulletinSchedule(wanted, today), by);
}

/** A training bulletin that went out, on Saturday 19 September 2026. */
export async function firstBulletin(services: Services, by: By): Promise<void> {
  const { db } = services;
  by.clock.set('2026-09-17T09:00:00Z');
  await approved(db, by.clock, 'training');
  await schedule(
    db,
    'training',
    { rule: 'FREQ=MONTHLY;BYDAY=3SA', approval: 'automatic', introduction: 'Worth a look.' },
    by,
  );
  for (const at of ['2026-09-19T07:57:00Z', '2026-09-19T08:00:20Z']) {
    by.clock.set(at);
    await runDueWork(jobs, services);
  }
}

/** Items in every state before they are decided, and a vacancy bulletin that waits for approval. */
export async function livelyNoticeboard({ db }: Services, by: By): Promise<void> {
  const { clock } = by;
  await approved(db, clock, 'vacancy');
  const request = await confirmed(db, clock, 'request');
  await askSubmitter(db, request.id, 'For which town is it?', by);
  await confirmed(db, clock, 'vacancy', { role: 'OT, Band 6' }, 'agency@example.org');
  await handIn(
    db,
    clock,
    'training',
    { title: 'Sensory rooms', link: 'https://courses.example.org/rooms' },
    'academy@example.org',
  );
  await schedule(db, 'vacancies', { rule: 'FREQ=WEEKLY;BYDAY=WE', approval: 'wait' }, by);
}
