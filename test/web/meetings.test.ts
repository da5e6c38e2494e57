import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addMeeting, addSeries, type ChangeContext } from '../../src/announcements/meeting-changes.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { findMeeting } from '../../src/meetings/meetings.ts';
import { meetingsBetween } from '../../src/meetings/occurrences.ts';
import { listSeries } from '../../src/meetings/series.ts';
import { listAudit } from '../../src/organisation/audit.ts';
import { readSettings } from '../../src/organisation/settings.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { monthlySeries, singleMeeting } from '../support/meetings.ts';
import { Browser, openSite, setUpGroup, type Site } from './site.ts';

let database: OpenDatabase;
let site: Site;
let browser: Browser;
let context: ChangeContext;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  site = await openSite(database);
  await setUpGroup(site);
  context = { clock: site.clock, actor: 'test', settings: await readSettings(database.db) };
  browser = new Browser(site);
  await browser.signIn('administrator@example.org');
  return () => site.app.close();
});

const SERIES = {
  title: 'Monthly meeting',
  link: 'https://zoom.us/j/123456789',
  repeat: 'weekday',
  nth: '1',
  weekday: 'WE',
  everyWeekday: '1',
  time: '19:00',
  duration: '60',
  zone: 'Europe/London',
  remindAmount: ['7', '1', ''],
  remindUnit: ['d', 'h', 'd'],
  remindAt: ['09:00', '09:00', '09:00'],
};

describe('the form for a series', () => {
  it('shows the next twelve dates for what is chosen, without a title yet', async () => {
    const answer = await browser.post('/admin/meetings/series/preview', {
      ...SERIES,
      title: '',
      nth: '-1',
      weekday: 'MO',
    });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('Last Monday of the month, 7 pm (UK time)');
    expect(answer.body.match(/<li/g)).toHaveLength(12);
    expect(answer.body).toMatch(/Monday 29 March 2027<\/span><small>Easter Monday/);
  });

  it('shows them by a button where no script runs, and keeps what was typed', async () => {
    const answer = await browser.post('/admin/meetings/series/new', {
      ...SERIES,
      repeat: 'day',
      day: '15',
      everyDay: '2',
      act: 'preview',
    });
    expect(answer.body).toContain('Friday 15 January 2027');
    expect(answer.body).toContain('Monday 15 March 2027');
    expect(answer.body).toContain('value="Monthly meeting"');
    expect(await listSeries(database.db)).toEqual([]);
  });

  it('turns its boxes into rules', async () => {
    await browser.post('/admin/meetings/series/new', { ...SERIES, act: 'save' });
    const [series] = await listSeries(database.db);
    expect(series).toMatchObject({
      rule: 'FREQ=MONTHLY;BYDAY=1WE',
      wallTime: '19:00',
      reminders: ['7d@09:00', '1h'],
    });
    expect(site.nudges()).toBe(1);
    const form = await browser.get(`/admin/meetings/series/${series!.id}/edit`);
    expect(form.body).toMatch(/id="repeat-weekday"[^>]*checked/);
    expect(form.body).toMatch(/<option value="WE" selected>/);
  });

  it.each([
    ['an empty title', { title: ' ' }, 'Title must not be empty', 'title'],
    ['a link that is none', { link: 'our usual room' }, 'Link to join must be a web address', 'link'],
    ['no length', { duration: '0' }, 'Length in minutes must be at least 5 minutes', 'duration'],
    [
      'a rule that never matches',
      { repeat: 'own', ownRule: 'FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2' },
      'When the group meets:',
      'rule',
    ],
    ['a zone that is none', { zone: 'BST' }, 'Europe/London', 'zone'],
    [
      'a reminder that is none',
      { remindAmount: ['soon'], remindUnit: ['d'], remindAt: ['09:00'] },
      'Reminders:',
      'remind',
    ],
    [
      'an end before the beginning',
      { startsOn: '2027-05-01', endsOn: '2027-04-01' },
      'Last day must not be before',
      'endsOn',
    ],
  ])('refuses %s at the field and in the summary, and changes nothing', async (_, change, message, field) => {
    const answer = await browser.post('/admin/meetings/series/new', { ...SERIES, ...change, act: 'save' });
    expect(answer.statusCode).toBe(422);
    expect(answer.body).toContain('Please look at this again');
    expect(answer.body).toContain(message);
    expect(answer.body).toContain(`href="#${field}"`);
    expect(answer.body).toContain(`id="${field}-problem"`);
    expect(await listSeries(database.db)).toEqual([]);
  });
});

describe('changing a meeting', () => {
  const FORM = {
    title: 'Extra meeting',
    description: '',
    link: 'https://zoom.example/j/2',
    date: '2027-02-10',
    time: '20:00',
    duration: '60',
    remindAmount: ['1', '1'],
    remindUnit: ['d', 'h'],
    remindAt: ['09:00', ''],
  };

  it('says first what it will send, and does it only when confirmed', async () => {
    const meeting = await addMeeting(database.db, singleMeeting('2027-02-03T19:00'), context);
    await browser.get(`/admin/meetings/${meeting.id}/change`);
    const asked = await browser.post(`/admin/meetings/${meeting.id}/change`, FORM);
    expect(asked.statusCode).toBe(200);
    expect(asked.body).toContain('Change this meeting?');
    expect(asked.body).toContain('Wednesday 10 February 2027, 8 pm to 9 pm (UK time)');
    expect(asked.body).toContain('Reminder: Extra meeting moves');
    expect((await findMeeting(database.db, meeting.id)).wallStart).toBe('2027-02-03T19:00');
    const done = await browser.post(`/admin/meetings/${meeting.id}/change`, { ...FORM, confirmed: 'yes' });
    expect(done.statusCode).toBe(303);
    expect((await findMeeting(database.db, meeting.id)).wallStart).toBe('2027-02-10T20:00');
    const [audit] = await listAudit(database.db, { limit: 1 });
    expect(audit).toMatchObject({
      action: 'meeting.changed',
      before: { wallStart: '2027-02-03T19:00' },
      after: { wallStart: '2027-02-10T20:00' },
    });
    expect(audit!.actor).toMatch(/^admin:/);
  });

  it('refuses a time that has passed', async () => {
    const meeting = await addMeeting(database.db, singleMeeting('2027-02-03T19:00'), context);
    const answer = await browser.post(`/admin/meetings/${meeting.id}/change`, {
      ...FORM,
      date: '2027-01-01',
    });
    expect(answer.statusCode).toBe(422);
    expect(answer.body).toContain('Day and time: must be in the future');
  });

  it('cancels after asking', async () => {
    const meeting = await addMeeting(database.db, singleMeeting('2027-02-03T19:00'), context);
    const asked = await browser.get(`/admin/meetings/${meeting.id}/cancel`);
    expect(asked.body).toContain('Reminder: Extra meeting is not sent');
    expect((await findMeeting(database.db, meeting.id)).status).toBe('scheduled');
    await browser.post(`/admin/meetings/${meeting.id}/cancel`, { reason: 'Snow' });
    expect(await findMeeting(database.db, meeting.id)).toMatchObject({
      status: 'cancelled',
      statusReason: 'Snow',
    });
  });
});

describe('a date on a bank holiday', () => {
  it('asks on the overview and takes the answer', async () => {
    await addSeries(database.db, monthlySeries(site.clock, { rule: 'FREQ=MONTHLY;BYDAY=-1MO' }), context);
    const now = site.clock.now();
    const meeting = (await meetingsBetween(database.db, now, now.add({ hours: 24 * 120 }))).find(
      ({ status }) => status === 'undecided',
    )!;
    const overview = await browser.get('/admin');
    expect(overview.body).toContain('What needs you');
    expect(overview.body).toContain('Easter Monday');
    await browser.post(`/admin/meetings/${meeting.id}/decide`, { decision: 'skip' });
    expect((await findMeeting(database.db, meeting.id)).status).toBe('skipped');
    expect((await browser.get('/admin')).body).not.toContain('What needs you');
    const again = await browser.post(`/admin/meetings/${meeting.id}/decide`, { decision: 'keep' });
    expect(again.statusCode).toBe(409);
  });
});

describe('a series', () => {
  it('is changed and ended after saying what that does', async () => {
    const { series } = await addSeries(database.db, monthlySeries(site.clock), context);
    const edit = `/admin/meetings/series/${series.id}/edit`;
    await browser.get(edit);
    const asked = await browser.post(edit, { ...SERIES, time: '18:00', act: 'save' });
    expect(asked.body).toContain('Change the series?');
    expect((await listSeries(database.db))[0]!.wallTime).toBe('19:00');
    await browser.post(edit, { ...SERIES, time: '18:00', confirmed: 'yes' });
    expect((await listSeries(database.db))[0]!.wallTime).toBe('18:00');
    expect((await browser.get(`/admin/meetings/series/${series.id}/end`)).body).toContain('is not sent');
    await browser.post(`/admin/meetings/series/${series.id}/end`);
    expect((await listSeries(database.db))[0]!.archivedAt).not.toBeNull();
  });
});
