import { jobs } from '../../jobs/index.ts';
import {
  addMeeting,
  addSeries,
  cancelMeeting,
  moveMeeting,
  type ChangeContext,
} from '../../src/announcements/meeting-changes.ts';
import { issueCertificates } from '../../src/attendance/certificates.ts';
import { takeList } from '../../src/attendance/lists.ts';
import { answerInvitation } from '../../src/attendance/rsvps.ts';
import { holdAnnouncement } from '../../src/announcements/life-cycle.ts';
import { parseDraftInput } from '../../src/announcements/compose-input.ts';
import { createDraft } from '../../src/announcements/compose.ts';
import { queryPlan } from '../../src/announcements/plan-query.ts';
import { approveDraft, prepareDraft } from '../../src/drafts/prepare.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { findingKey } from '../../src/kernel/finding.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import {
  parseMeetingChange,
  parseSeriesInput,
  parseSingleMeetingInput,
} from '../../src/meetings/meeting-input.ts';
import { meetingsBetween, nextMeetings, type Meeting } from '../../src/meetings/occurrences.ts';
import { changeMailText } from '../../src/organisation/mail-texts.ts';
import { readSettings, type Settings } from '../../src/organisation/settings.ts';
import { createOutboxMailer } from '../../src/outbox/outbox-mailer.ts';
import type { Services } from '../../src/process/app.ts';
import { importSubscribers } from '../../src/subscribers/import.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { findSubscriber } from '../../src/subscribers/subscribers.ts';
import { firstBulletin, livelyNoticeboard } from './noticeboard.ts';
import type { ManualClock } from '../support/clock.ts';
import { runDueWork, testServices } from '../support/services.ts';
import { setUpGroup, type Site } from '../web/site.ts';

const FIRST = [
  'Amina',
  'Beth',
  'Callum',
  'Divya',
  'Ewan',
  'Fiona',
  'Grace',
  'Hamid',
  'Isla',
  'Jonah',
  'Kezia',
  'Liam',
  'Megan',
  'Nadia',
  'Oliver',
  'Priya',
  'Rhys',
  'Sana',
  'Tom',
  'Yvonne',
];
const LAST = [
  'Abbott',
  'Bailey',
  'Chaudhry',
  'Davies',
  'Evans',
  'Fraser',
  'Griffiths',
  'Hughes',
  'Iqbal',
  'Jones',
];

/** The people of the sample group as a CSV file, with a few lines that cannot be used. */
export function peopleFile(count = 212): string {
  const lines = Array.from({ length: count }, (_, index) => {
    const [first, last] = [
      FIRST[index % FIRST.length]!,
      LAST[Math.floor(index / FIRST.length) % LAST.length]!,
    ];
    const extra = index >= 200 ? String(index) : '';
    return `${first}.${last}${extra}@example.org,${first} ${last},${index % 9 === 0 ? 'student' : 'OT'},meetings${index % 3 === 0 ? ';training' : ''}`.toLowerCase();
  });
  return ['email,name,membership,topics', ...lines.map(capitalNames)].join('\n');
}

function capitalNames(line: string): string {
  const [email, name, ...rest] = line.split(',');
  return [email, name!.replace(/\b\w/g, (letter) => letter.toUpperCase()), ...rest].join(',');
}

/** How many are there from the first day. The others come before the last notice, which then goes to all. */
const FOUNDERS = 10;
const GROWTH = Temporal.Instant.from('2027-01-06T12:00:00Z');

/**
 * A group in the middle of its life: three months of meetings with what was sent, one run on hold, a bank holiday
 * to decide about, people who left. The site's clock ends at `NOW`.
 */
export async function liveGroup(site: Site, database: OpenDatabase): Promise<void> {
  const { deps } = site;
  const until = site.clock.now();
  site.clock.set('2026-09-17T08:00:00Z');
  const { clock } = site;
  await setUpGroup(site);
  const services = {
    ...testServices(database, clock, { mailer: createOutboxMailer(database.db, { clock }) }),
    config: deps.config,
    links: deps.links,
    addressHash: deps.addressHash,
    renderer: deps.renderer,
  };
  const by = { clock, actor: 'admin:sample', settings: await readSettings(database.db) };
  const [head, ...people] = peopleFile().split('\n');
  const join = (lines: readonly string[]) =>
    importSubscribers(
      database.db,
      {
        name: 'members.csv',
        async *open() {
          yield Buffer.from([head, ...lines].join('\n'));
        },
      },
      {},
      { ...by, addressHash: deps.addressHash },
    );
  await join(people.slice(0, FOUNDERS));
  await firstBulletin(services, by);
  clock.set('2026-09-20T10:00:00Z');
  const today = Temporal.PlainDate.from('2026-09-20');
  const series = {
    title: 'Monthly network meeting',
    description:
      'We share cases, ideas and news from practice.\n\nBring a question that has been on your mind. Everybody is welcome, newly qualified or long in practice.',
    rule: 'FREQ=MONTHLY;BYDAY=1WE',
    time: '19:00',
    zone: 'Europe/London',
    duration: '75',
    link: 'https://zoom.us/j/98765432100',
    remind: ['7d@09:00', '1d@09:00', '1h'],
  };
  await addSeries(database.db, parseSeriesInput(series, today), by);
  await addSeries(
    database.db,
    parseSeriesInput(
      {
        ...series,
        title: 'Journal club',
        description: 'One paper, half an hour.',
        rule: 'FREQ=MONTHLY;BYDAY=-1MO',
        time: '12:30',
        duration: '45',
        remind: ['3d@09:00'],
      },
      today,
    ),
    by,
  );
  await runDueWork(jobs, services);
  await liveUntil(GROWTH, services, by);
  await join(people.slice(FOUNDERS));
  await liveUntil(until, services, by);
  const [held] = await meetingsBetween(database.db, Temporal.Instant.from('2026-11-01T00:00:00Z'), until);
  if (held !== undefined) await heldMeeting(database, held, by);
  for (const email of ['amina.abbott@example.org', 'beth.bailey@example.org']) {
    const person = await findSubscriber(database.db, email);
    if (person === undefined) continue;
    await unsubscribe(database.db, { subscriberId: person.id, topic: 'all', source: 'one_click' }, { clock });
  }
  await livelyNoticeboard(services, by);
  await addMeeting(
    database.db,
    parseSingleMeetingInput({
      ...series,
      title: 'Getting started with sensory integration',
      start: '2027-02-18T18:30',
      duration: '90',
      remind: ['7d@09:00', '2h'],
    }),
    by,
  );
  const coming = await nextMeetings(database.db, { after: until, limit: 6 });
  const asker = await findSubscriber(database.db, 'grace.abbott@example.org');
  if (asker !== undefined && coming[0] !== undefined) {
    const answer = { meetingId: coming[0].id, subscriberId: asker.id, answer: 'yes' as const };
    await answerInvitation(
      database.db,
      { ...answer, question: 'How do others write up home visits?' },
      { clock },
    );
  }
  const moved = coming.find(({ title }) => title === 'Journal club');
  if (moved !== undefined) {
    await moveMeeting(
      database.db,
      moved.id,
      parseMeetingChange({ start: '2027-01-26T12:30' }, 'Europe/London'),
      by,
    );
  }
  const cancelled = coming.findLast(
    ({ title, status }) => title === 'Journal club' && status === 'scheduled',
  );
  if (cancelled !== undefined && cancelled.id !== moved?.id) {
    await cancelMeeting(database.db, cancelled.id, 'Our speaker is ill.', by);
  }
  const plan = await queryPlan(
    database.db,
    { from: until.toZonedDateTimeISO('UTC').toPlainDate(), to: Temporal.PlainDate.from('2027-03-01') },
    by,
  );
  const toHold = plan.find(({ title, state }) => title.includes('sensory') && state === 'approved');
  if (toHold !== undefined)
    await holdAnnouncement(database.db, toHold.id, 'Waiting for the speaker to confirm.', by);
  await changeMailText(
    database.db,
    'reminder-day',
    'We meet tomorrow, {{meetingWhen}}. Do come, and bring a colleague.',
    by,
  );
  await drafts(database, by);
}

/** Lets the time pass from one planned notice to the next, with all due work before and after each. */
async function liveUntil(
  end: Temporal.Instant,
  services: Services,
  by: ChangeContext & { readonly clock: ManualClock },
): Promise<void> {
  const { db } = services;
  const { clock } = by;
  const dayOf = (instant: Temporal.Instant) => instant.toZonedDateTimeISO('Europe/London').toPlainDate();
  while (Temporal.Instant.compare(clock.now(), end) < 0) {
    const plan = await queryPlan(db, { from: dayOf(clock.now()), to: dayOf(end) }, by);
    const next = plan
      .map(({ sendAt }) => Temporal.Instant.from(sendAt))
      .find((at) => Temporal.Instant.compare(at, clock.now()) > 0);
    const step = next === undefined || Temporal.Instant.compare(next, end) > 0 ? end : next;
    const before = step.subtract({ minutes: 4 });
    if (Temporal.Instant.compare(before, clock.now()) > 0) {
      clock.set(before);
      await runDueWork(jobs, services);
    }
    const after = step.add({ seconds: 20 });
    clock.set(Temporal.Instant.compare(after, end) > 0 ? end : after);
    await runDueWork(jobs, services);
  }
}

/** A draft that the checks find things in, and an announcement that was approved a moment ago. */
async function drafts(
  database: OpenDatabase,
  { clock, actor, settings }: { clock: Clock; actor: string; settings: Settings },
): Promise<void> {
  const { db } = database;
  const { timeZone: zone } = settings;
  const [meeting] = await nextMeetings(db, { after: clock.now(), limit: 1 });
  const write = async (raw: object) => {
    const input = parseDraftInput(raw, { zone, mailerlite: false });
    return (await createDraft(db, input, { clock, actor, zone })).announcement.id;
  };
  await write({
    kind: 'meeting_invitation',
    meetingId: meeting!.id,
    subject: 'Join us: {{meetingTitle}}',
    body: 'Hello {{name|there}}, come on {{meetingWhen}}.\n\n* bring a question of yours\n\nDr Jones says [more](https://www.rcot.co.uk/).',
  });
  const id = await write({
    kind: 'news',
    topic: 'meetings',
    subject: 'The library has moved',
    body: 'Hello {{name|there}}, the library has moved.',
  });
  const services = testServices(database, clock, {});
  const { hash, findings } = await prepareDraft(services, id);
  await approveDraft(services, id, { hash, confirmedWarnings: findings.map(findingKey) }, actor);
}

/** A meeting that was held: people known and not, one to confirm, certificates for those with our address. */
async function heldMeeting(
  { db }: OpenDatabase,
  meeting: Meeting,
  context: Parameters<typeof issueCertificates>[3] & { settings: Parameters<typeof issueCertificates>[2] },
): Promise<void> {
  const person = (name: string, from: number, to: number, email?: string) => ({
    name,
    ...(email === undefined ? {} : { email }),
    time: { from: meeting.startsAt.add({ minutes: from }), to: meeting.startsAt.add({ minutes: to }) },
    inWaitingRoom: false,
  });
  const participants = [
    ...FIRST.slice(2, 9).map((first) =>
      person(`${first} Abbott`, 0, meeting.durationMinutes, `${first.toLowerCase()}.abbott@example.org`),
    ),
    person('Hamid Abbott', 5, 30, 'hamid.abbott@example.org'),
    person('Isla Bailey', 0, 60),
    person('+44 7700 900123', 10, 40),
    person('Guest Speaker', 0, 45, 'speaker@example.com'),
  ];
  await takeList(db, meeting.id, { source: 'zoom', participants }, context);
  await issueCertificates(db, { meetingId: meeting.id, who: 'proven' }, context.settings, context);
}
