import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { createAdmin } from '../../src/organisation/admins.ts';
import { ROUTES } from '../../src/web/route-table.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { changeAccounts } from './audit/account.ts';
import { changeAnnouncements } from './audit/announcements.ts';
import { recordAttendance } from './audit/attendance.ts';
import { changeMeetings } from './audit/meetings.ts';
import { changeNoticeboard } from './audit/noticeboard.ts';
import { releaseSending } from './audit/restore.ts';
import { changeSettings } from './audit/settings.ts';
import { changeSubscribers } from './audit/subscribers.ts';
import { startWalk } from './audit/walk.ts';
import { openSite, PASSWORD, type Site } from './site.ts';

/** Acts of somebody who is signed in that leave no entry, and why. */
const NO_ENTRY: Readonly<Record<string, string>> = {
  'POST /admin/account/second-step': 'nothing is on before the code is confirmed',
  'POST /admin/meetings/series/preview': 'shows dates, changes nothing',
  'POST /admin/announcements/preview': 'shows a preview, changes nothing',
  'POST /admin/bulletins/schedule/:topic/preview': 'shows dates, changes nothing',
  'POST /admin/settings/mails/:key/preview': 'shows a preview, changes nothing',
  'POST /admin/settings/connections/:name': 'tries a connection, changes nothing',
};
/** Acts that need Zoom; the tests of those pages see their entries. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'POST /admin/meetings/:id/room': 'test/web/zoom.test.ts',
  'POST /admin/meetings/:id/attendance/fetch': 'test/web/attendance.test.ts',
};

let database: OpenDatabase;
let site: Site;

beforeAll(async () => {
  database = await openTestDatabase();
  await emptyDatabase(database);
  site = await openSite(
    database,
    { MAILERLITE_API_KEY: 'a key', MAILERLITE_WEBHOOK_SECRET: 'a secret' },
    { loadSample: async () => undefined },
  );
});
afterAll(async () => {
  await site.app.close();
  await database.close();
});

it(
  'is in the audit log, by whom, with what was before and after, whatever somebody who is signed in changes',
  { timeout: 120_000 },
  async () => {
    const walk = startWalk(database, site);
    const me = await createAdmin(
      database.db,
      { email: 'ruth@example.org', name: 'Ruth', role: 'administrator', password: PASSWORD },
      { clock: site.clock, actor: 'system' },
    );
    await walk.browser.signIn('ruth@example.org');

    await changeSettings(walk);
    await changeSubscribers(walk);
    const talk = await changeMeetings(walk);
    const news = await changeAnnouncements(walk, talk);
    await changeNoticeboard(walk);
    await releaseSending(walk, news);
    await recordAttendance(walk);
    await changeAccounts(walk, me);

    const acts = Object.entries(ROUTES)
      .filter(
        ([key, access]) => !key.startsWith('GET ') && (access === 'editor' || access === 'administrator'),
      )
      .map(([key]) => key);
    const known = [...walk.walked, ...Object.keys(NO_ENTRY), ...Object.keys(ELSEWHERE)];
    expect(known.toSorted()).toEqual(acts.toSorted());
  },
);
