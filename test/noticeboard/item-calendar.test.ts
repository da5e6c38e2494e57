import ICAL from 'ical.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withdrawItem } from '../../src/announcements/bulletins-items.ts';
import { buildFeed } from '../../src/calendar/icalendar.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { itemFeedEvents } from '../../src/noticeboard/item-calendar.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { approved, confirmed } from './handing-in.ts';

const clock = new ManualClock('2027-06-01T12:00:00Z');
const organiser = { name: 'OT network', email: 'network@example.org' };
let database: OpenDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock.set('2027-06-01T12:00:00Z');
});

async function feed(settings = { feedTrainingDates: true, feedClosingDates: true }) {
  const events = await itemFeedEvents(
    database.db,
    { from: clock.now(), to: clock.now().add({ hours: 24 * 365 }) },
    { settings, baseUrl: 'https://network.example.org', organiser },
  );
  const content = buildFeed({ name: 'Group', zone: 'Europe/London', stamp: clock.now(), events });
  return ICAL.Component.fromString(content)
    .getAllSubcomponents('vevent')
    .map((component) => {
      const event = new ICAL.Event(component);
      return {
        uid: event.uid,
        title: event.summary,
        from: event.startDate.toString(),
        to: event.endDate.toString(),
        status: component.getFirstPropertyValue('status'),
      };
    });
}

describe('the calendar feed', () => {
  it('holds training events at their hour and closing dates as whole days', async () => {
    const { db } = database;
    const course = await approved(db, clock, 'training');
    const post = await approved(db, clock, 'vacancy');
    await approved(db, clock, 'request');
    await confirmed(db, clock, 'training', { title: 'Not decided about', link: 'https://x.example' });
    expect(await feed()).toEqual([
      {
        uid: course.id,
        title: 'Splinting the wrist',
        from: '2027-06-16T17:30:00Z',
        to: '2027-06-16T19:30:00Z',
        status: 'CONFIRMED',
      },
      {
        uid: post.id,
        title: 'Closing date: Occupational therapist, Band 6, Example Teaching Hospital',
        from: '2027-06-30',
        to: '2027-07-01',
        status: 'CONFIRMED',
      },
    ]);
  });

  it('leaves out each kind that the settings do not want', async () => {
    await approved(database.db, clock, 'training');
    await approved(database.db, clock, 'vacancy');
    expect(await feed({ feedTrainingDates: false, feedClosingDates: true })).toHaveLength(1);
    expect(await feed({ feedTrainingDates: true, feedClosingDates: false })).toHaveLength(1);
    expect(await feed({ feedTrainingDates: false, feedClosingDates: false })).toEqual([]);
  });

  it('holds one entry for each day of an event, and calls off what was taken down', async () => {
    const item = await approved(database.db, clock, 'training', {
      start: '',
      end: '',
      dates: '2027-10-31, 2027-11-07',
    });
    expect((await feed()).map(({ uid, from, to }) => [uid, from, to])).toEqual([
      [`${item.id}-2027-10-31`, '2027-10-31', '2027-11-01'],
      [`${item.id}-2027-11-07`, '2027-11-07', '2027-11-08'],
    ]);
    await withdrawItem(database.db, item.id, '', { clock, actor: 'test' });
    expect((await feed()).map(({ status }) => status)).toEqual(['CANCELLED', 'CANCELLED']);
  });
});
