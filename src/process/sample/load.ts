import { count } from 'drizzle-orm';
import { deliver } from '../../../jobs/deliver.ts';
import { freeze } from '../../../jobs/freeze.ts';
import { runAnnouncements } from '../../../jobs/run-announcements.ts';
import type { Services } from '../../../jobs/services.ts';
import { addSeries, addMeeting, planAhead } from '../../announcements/meeting-changes.ts';
import { listAnnouncements } from '../../announcements/plan-query.ts';
import { toWall } from '../../calendar/wall.ts';
import { subscribers, TOPICS } from '../../db/schema.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import type { Mailer } from '../../mail/types.ts';
import { parseSeriesInput, parseSingleMeetingInput } from '../../meetings/meeting-input.ts';
import { changeSetting, readSettings, writeInternalSetting } from '../../organisation/settings.ts';
import { unsubscribe } from '../../subscribers/opt-out.ts';
import { addSubscriber } from '../../subscribers/subscribers.ts';
import { SAMPLE_NAMES, SAMPLE_SETTINGS } from './group.ts';

/** How long the sample group has existed: two meetings have been and gone. */
const HISTORY_DAYS = 70;

/** One clock that the loader moves through the past. */
class PastClock {
  instant: Temporal.Instant;

  constructor(instant: Temporal.Instant) {
    this.instant = instant;
  }

  now(): Temporal.Instant {
    return this.instant;
  }
}

/** Takes every mail of the past without sending it, and refuses one address as a real server would. */
const pastMailer: Mailer = {
  kind: 'outbox',
  send: async ({ to }) =>
    to.address.startsWith('moved-away')
      ? {
          result: 'refused',
          fault: 'address',
          code: '5.1.1',
          reason: 'There is no such mailbox (550 5.1.1).',
        }
      : { result: 'accepted', response: 'Part of the sample: nothing was sent.' },
  check: async () => ({ ok: true, detail: '' }),
  close: async () => undefined,
};

/**
 * Fills an empty Convenor with a group to look around in: settings, people who joined over time, a monthly series
 * with the reminders of past meetings sent, and coming ones planned. Done only where nobody is on the list yet. All
 * of it appears at once: a worker that saw the past half made would take its notices for missed ones.
 *
 * @throws ConvenorError `wrong_state` when a mail server is configured: made-up people must never be mailed.
 */
export async function loadSampleGroup(services: Services): Promise<void> {
  if (services.mailer.kind !== 'outbox') {
    throw new ConvenorError(
      'wrong_state',
      'The sample group is for looking around: its people do not exist. Unset SMTP_URL to load it.',
    );
  }
  await services.db.transaction(async (db) => {
    const [present] = await db.select({ n: count() }).from(subscribers);
    // Nothing in here may ask outside of the transaction: the embedded database has one connection.
    if (present!.n === 0) await fill({ ...services, db, settings: () => readSettings(db) });
  });
}

async function fill(services: Services): Promise<void> {
  const { db } = services;
  const end = services.clock.now();
  const clock = new PastClock(end.subtract({ hours: 24 * HISTORY_DAYS }));
  const past: Services = { ...services, clock, mailer: pastMailer };
  const actor = 'sample';

  for (const [key, value] of Object.entries(SAMPLE_SETTINGS)) {
    await changeSetting(db, key, value, { clock, actor });
  }
  const settings = await services.settings();
  const context = { clock, settings, actor };
  const people: string[] = [];
  const join = async (name: string) => {
    const address = name.toLowerCase().replaceAll(' ', '.');
    const { id } = await addSubscriber(
      db,
      {
        email: `${address}@example.org`,
        name,
        memberKind: people.length % 9 === 4 ? 'student' : 'occupational_therapist',
        topics: TOPICS.filter((topic, index) => topic === 'meetings' || (people.length + index) % 3 > 0),
      },
      { clock, actor, addressHash: services.addressHash },
    );
    people.push(id);
  };
  for (const name of SAMPLE_NAMES.slice(0, 26)) await join(name);

  const today = toWall(clock.now(), settings.timeZone).toPlainDate();
  await addSeries(
    db,
    parseSeriesInput(
      {
        title: 'Monthly network meeting',
        description: 'An hour of peer support: two short cases, a question of the month, and time to talk.',
        rule: 'FREQ=MONTHLY;BYDAY=1WE',
        time: '19:00',
        zone: settings.timeZone,
        duration: '60',
        link: 'https://zoom.us/j/00000000000',
        remind: ['7d@09:00', '1d@09:00', '1h'],
      },
      today,
    ),
    context,
  );

  for (let day = 1; day <= HISTORY_DAYS; day++) {
    const tomorrow = end.subtract({ hours: 24 * (HISTORY_DAYS - day) });
    if (day % 4 === 0) {
      const name = SAMPLE_NAMES[people.length];
      if (name) await join(name);
    }
    if (day === 30 || day === 52) {
      const leaver = { subscriberId: people[day / 2]!, topic: 'all' as const, source: 'one_click' as const };
      await unsubscribe(db, leaver, { clock });
    }
    await goThrough(past, tomorrow);
    if (day % 14 === 0) await planAhead(db, context);
  }
  clock.instant = end;
  const soon = toWall(end, settings.timeZone).toPlainDate().add({ days: 12 });
  await addMeeting(
    db,
    parseSingleMeetingInput({
      title: 'Returning to work after long absence: an evening with a guest',
      description: 'A talk of half an hour, then your questions.',
      start: `${soon.toString()}T18:30`,
      zone: settings.timeZone,
      duration: '75',
      link: 'https://zoom.us/j/00000000001',
      remind: ['7d@09:00', '1h'],
    }),
    context,
  );
  await planAhead(db, context);
  await writeInternalSetting(db, 'setupCompletedAt', end, context);
}

/** Lets time pass up to an instant, stopping at every notice that falls due. */
async function goThrough(services: Services, until: Temporal.Instant): Promise<void> {
  const clock = services.clock as PastClock;
  for (;;) {
    const waiting = await listAnnouncements(services.db, { states: ['approved'], upTo: until, limit: 200 });
    const next = waiting
      .map(({ announcement }) => announcement.sendAt)
      .sort((a, b) => Temporal.Instant.compare(a, b))[0];
    if (!next) break;
    clock.instant = next;
    await workOff(services);
  }
  clock.instant = until;
}

async function workOff(services: Services): Promise<void> {
  const { signal } = new AbortController();
  for (const job of [freeze, runAnnouncements, deliver, runAnnouncements]) {
    for (const { payload } of await job.due(services)) {
      await job.run(job.schema.parse(payload), { ...services, signal });
    }
  }
}
