import ICAL from 'ical.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  addMeeting,
  cancelMeeting,
  moveMeeting,
  type ChangeContext,
} from '../../src/announcements/meeting-changes.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { parseMeetingChange } from '../../src/meetings/meeting-input.ts';
import { readSettings } from '../../src/organisation/settings.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { singleMeeting } from '../support/meetings.ts';
import { openSite, setUpGroup, type Site } from './site.ts';

let database: OpenDatabase;
let site: Site;
let context: ChangeContext;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  site = await openSite(database, { BASE_URL: 'https://network.example.org' });
  await setUpGroup(site);
  context = { clock: site.clock, actor: 'test', settings: await readSettings(database.db) };
  return () => site.app.close();
});

const meetingAt = (start: string, changes: object = {}) =>
  addMeeting(database.db, singleMeeting(start, changes), context);

describe('the page of a meeting', () => {
  it('says when in words with the zone, and offers the calendars', async () => {
    const { id } = await meetingAt('2027-06-02T19:00', {
      title: 'Summer <meeting>',
      description: 'First\n\nSecond',
    });
    const { body } = await site.app.inject(`/m/${id}`);
    expect(body).toContain('Wednesday 2 June 2027, 7 pm to 8 pm (UK time)');
    expect(body).toContain('Summer &lt;meeting&gt;');
    expect(body).toContain('datetime="2027-06-02T18:00:00Z"');
    expect(body).toContain(`href="/m/${id}.ics"`);
    expect(body).toContain('calendar.google.com');
    expect(body).not.toContain('zoom.example');
  });

  it('says that it is on, over or called off', async () => {
    const { id } = await meetingAt('2027-02-03T19:00');
    site.clock.set('2027-02-03T19:10:00Z');
    expect((await site.app.inject(`/m/${id}`)).body).toContain('Join now');
    site.clock.set('2027-02-03T20:30:00Z');
    expect((await site.app.inject(`/m/${id}`)).body).toContain('This meeting is over');
  });
});

describe('the link to join', () => {
  it('leads to the link of this moment, which nobody keeps', async () => {
    const { id } = await meetingAt('2027-02-03T19:00');
    const first = await site.app.inject(`/m/${id}/join`);
    expect(first.statusCode).toBe(302);
    expect(first.headers.location).toBe('https://zoom.example/j/2');
    expect(first.headers['cache-control']).toBe('no-store');
    expect(first.headers['referrer-policy']).toBe('no-referrer');
    await moveMeeting(
      database.db,
      id,
      parseMeetingChange({ link: 'https://zoom.example/j/3' }, 'Europe/London'),
      context,
    );
    expect((await site.app.inject(`/m/${id}/join`)).headers.location).toBe('https://zoom.example/j/3');
  });

  it('leads to the page instead when the meeting is over or called off', async () => {
    const { id } = await meetingAt('2027-02-03T19:00');
    const other = await meetingAt('2027-02-04T19:00');
    await cancelMeeting(database.db, other.id, 'Snow', context);
    expect((await site.app.inject(`/m/${other.id}/join`)).headers.location).toBe(`/m/${other.id}`);
    expect((await site.app.inject(`/m/${other.id}`)).body).toContain('Snow');
    site.clock.set('2027-02-03T20:00:01Z');
    expect((await site.app.inject(`/m/${id}/join`)).headers.location).toBe(`/m/${id}`);
  });
});

describe('calendar files', () => {
  it('of one meeting open at the right hour, and keep UID while SEQUENCE rises', async () => {
    const { id } = await meetingAt('2027-06-02T19:00');
    const read = async () => {
      const answer = await site.app.inject(`/m/${id}.ics`);
      expect(answer.headers['content-type']).toContain('text/calendar');
      return new ICAL.Component(ICAL.parse(answer.body) as unknown[]).getFirstSubcomponent('vevent')!;
    };
    const first = new ICAL.Event(await read());
    expect(first.startDate.toJSDate().toISOString()).toBe('2027-06-02T18:00:00.000Z');
    await moveMeeting(
      database.db,
      id,
      parseMeetingChange({ start: '2027-06-03T18:00' }, 'Europe/London'),
      context,
    );
    const second = new ICAL.Event(await read());
    expect(second.uid).toBe(first.uid);
    expect(second.sequence).toBeGreaterThan(first.sequence);
    await cancelMeeting(database.db, id, null, context);
    expect((await site.app.inject(`/m/${id}.ics`)).body).toContain('METHOD:CANCEL');
  });

  it('of all meetings is one feed, and is not sent twice to a program that has it', async () => {
    await meetingAt('2027-02-03T19:00', { title: 'One' });
    const cancelled = await meetingAt('2027-03-03T19:00', { title: 'Two' });
    await cancelMeeting(database.db, cancelled.id, null, context);
    const feed = await site.app.inject('/calendar.ics');
    expect(feed.body.match(/BEGIN:VEVENT/g)).toHaveLength(2);
    expect(feed.body).toContain('STATUS:CANCELLED');
    expect(feed.body).toContain('Northfield OT Network');
    const again = await site.app.inject({
      url: '/calendar.ics',
      headers: { 'if-none-match': feed.headers.etag! },
    });
    expect(again.statusCode).toBe(304);
    expect(again.body).toBe('');
  });
});

describe('the start page', () => {
  it('shows the next meeting, and /next leads to it', async () => {
    expect((await site.app.inject('/')).body).toContain('No meeting is planned');
    expect((await site.app.inject('/next')).headers.location).toBe('/');
    await meetingAt('2027-03-03T19:00', { title: 'Later' });
    const { id } = await meetingAt('2027-02-03T19:00', { title: 'Sooner' });
    expect((await site.app.inject('/')).body).toMatch(/Sooner[^]*Later/);
    expect((await site.app.inject('/next')).headers.location).toBe(`/m/${id}`);
  });
});

describe('monitoring', () => {
  it('knows whether the process lives and can do its work', async () => {
    expect((await site.app.inject('/health/live')).json()).toEqual({ status: 'alive' });
    expect((await site.app.inject('/health/ready')).statusCode).toBe(200);
    site.clock.advance({ minutes: 10 });
    const late = await site.app.inject('/health/ready');
    expect(late.statusCode).toBe(503);
    expect(late.json()).toEqual({
      status: 'not ready',
      checks: { database: true, redis: true, heartbeat: false, notices: true },
    });
  });

  it('gives numbers to machines nearby only', async () => {
    expect((await site.app.inject('/metrics')).body).toContain('convenor_subscribers');
    const far = await site.app.inject({ url: '/metrics', headers: { 'x-forwarded-for': '203.0.113.9' } });
    expect(far.statusCode).toBe(404);
  });
});

describe('the files of the design', () => {
  it('are ours alone, below 100 kB together, and kept for ever under their address', async () => {
    const { body } = await site.app.inject('/');
    const addresses = [...body.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, url]) =>
      url!.replaceAll('&amp;', '&').replaceAll('&#x3D;', '='),
    );
    expect(addresses).toHaveLength(3);
    let total = body.length;
    for (const url of addresses) {
      const answer = await site.app.inject(url);
      expect(answer.statusCode, url).toBe(200);
      expect(answer.headers['cache-control']).toContain('immutable');
      expect(answer.body).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
      total += answer.body.length;
    }
    expect(total).toBeLessThan(100_000);
    expect((await site.app.inject('/assets/css/1-tokens.css')).statusCode).toBe(404);
    expect((await site.app.inject('/assets/../server.ts')).statusCode).toBe(404);
  });
});
