import { afterAll, beforeAll, expect, it } from 'vitest';
import { addSeries } from '../../src/announcements/meeting-changes.ts';
import { ANNOUNCEMENT_ORDERS, listAnnouncements } from '../../src/announcements/plan-query.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { parseSeriesInput } from '../../src/meetings/meeting-input.ts';
import { listMeetings, MEETING_ORDERS } from '../../src/meetings/occurrences.ts';
import { AUDIT_ORDERS, listAudit } from '../../src/organisation/audit.ts';
import { readSettings } from '../../src/organisation/settings.ts';
import { COMPLAINT_ORDERS, fileComplaint, listComplaints } from '../../src/subscribers/complaints.ts';
import { countConsent } from '../../src/subscribers/list-history.ts';
import { openTestDatabase } from '../support/database.ts';
import { Browser, openSite, setUpGroup, type Site } from './site.ts';

let database: OpenDatabase;
let site: Site;
let browser: Browser;

beforeAll(async () => {
  database = await openTestDatabase();
  site = await openSite(database);
  await setUpGroup(site);
  browser = new Browser(site);
  await browser.signIn('administrator@example.org');
  const lines = Array.from(
    { length: 120 },
    (_, index) =>
      `p${String(index).padStart(3, '0')}@example.org,${index % 4 === 0 ? '' : `Name ${String((index * 7) % 120).padStart(3, '0')}`},OT`,
  );
  await browser.upload(
    '/admin/subscribers/import',
    { topics: 'meetings' },
    {
      field: 'file',
      name: 'people.csv',
      content: ['email,name,membership', '"x@example.org","=HYPERLINK(""http://x"")",student', ...lines].join(
        '\n',
      ),
    },
  );
  await addSeries(
    database.db,
    parseSeriesInput(
      {
        title: 'Monthly meeting',
        rule: 'FREQ=MONTHLY;BYDAY=1WE',
        time: '19:00',
        zone: 'Europe/London',
        duration: '60',
        link: 'https://zoom.us/j/98765432100',
        remind: ['1d@09:00'],
      },
      Temporal.PlainDate.from('2027-01-12'),
    ),
    { clock: site.clock, actor: 'test', settings: await readSettings(database.db) },
  );
  await countConsent(database.db, { zone: 'Europe/London' });
});
afterAll(async () => {
  await site.app.close();
  await database.close();
});

it.each(['address', 'name', 'newest'])(
  'turns the pages of the list without losing anybody (%s)',
  async (order) => {
    const seen: string[] = [];
    let url: string | undefined = `/admin/subscribers?order=${order}&state=active`;
    for (let page = 0; url !== undefined && page < 5; page++) {
      const { body } = await browser.get(url);
      seen.push(
        ...[...body.matchAll(/<td role="cell"><a href="[^"]+">([^<]+@[^<]+)<\/a>/g)].map(
          ([, email]) => email!,
        ),
      );
      url = /<a href="([^"]+)">The next fifty/
        .exec(body)?.[1]
        ?.replaceAll('&amp;', '&')
        .replaceAll('&#x3D;', '=');
    }
    expect(seen).toHaveLength(121);
    expect(new Set(seen).size).toBe(121);
  },
);

it('turns the pages of every list in each of its orders without losing or repeating a row', async () => {
  const { db } = database;
  for (const text of ['One', 'Two', 'Three']) {
    await fileComplaint(db, { text: `Complaint ${text}` }, { clock: site.clock });
  }
  const lists: Readonly<Record<string, (after: string | undefined) => Promise<readonly { id: string }[]>>> = {
    ...each(AUDIT_ORDERS, 'audit', (order, after) => listAudit(db, { order, after, limit: 3 })),
    ...each(COMPLAINT_ORDERS, 'complaints', (order, after) => listComplaints(db, { order, after, limit: 2 })),
    ...each(MEETING_ORDERS, 'meetings', (order, after) => listMeetings(db, { order, after, limit: 2 })),
    ...each(ANNOUNCEMENT_ORDERS, 'announcements', async (order, after) =>
      (await listAnnouncements(db, { order, after, limit: 2 })).map(({ announcement }) => announcement),
    ),
  };
  for (const [name, read] of Object.entries(lists)) {
    const seen: string[] = [];
    for (let page = await read(undefined); page.length > 0; page = await read(seen.at(-1))) {
      seen.push(...page.map(({ id }) => id));
    }
    expect(seen.length, name).toBeGreaterThan(2);
    expect(new Set(seen).size, name).toBe(seen.length);
  }
  const oldest = await browser.get('/admin/complaints?order=oldest&text=complaint');
  expect(oldest.body).toMatch(/Complaint One[^]*Complaint Two[^]*Complaint Three/);
  expect(oldest.body).toContain('<option value="oldest" selected>');
  const file = await browser.get('/admin/complaints/list.csv?order=oldest&text=two');
  expect(file.body.trim().split('\r\n')).toHaveLength(2);
  expect((await browser.get('/admin/complaints?text=four')).body).toContain('Nothing was found');
  expect((await browser.get('/admin/audit.csv?thing=series')).body.trim().split('\r\n')).toHaveLength(2);
  expect((await browser.get('/admin/audit?thing=series&text=monthly')).body).toContain('Series added');
});

function each<Order extends string, Row>(
  orders: readonly Order[],
  name: string,
  read: (order: Order, after: string | undefined) => Promise<readonly Row[]>,
) {
  return Object.fromEntries(
    orders.map((order) => [`${name} by ${order}`, (after: string | undefined) => read(order, after)]),
  );
}

it('narrows the list, and gives what is shown as a file that no spreadsheet runs', async () => {
  const { body } = await browser.get('/admin/subscribers?kind=student');
  expect(body).toContain('1 person');
  const file = await browser.get('/admin/subscribers/list.csv?kind=student');
  expect(file.headers['content-disposition']).toContain('subscribers.csv');
  expect(file.body.split('\r\n')[1]).toBe(
    `x@example.org,"'=HYPERLINK(""http://x"")",student,meetings,on the list,2027-01-12,`,
  );
  expect((await browser.get('/admin/subscribers/list.csv')).body.trim().split('\r\n')).toHaveLength(122);
});

it('shows the meetings of a month, and finds and exports meetings and announcements', async () => {
  const month = await browser.get('/admin/meetings?view=month&month=2027-02');
  expect(month.body).toContain('February 2027');
  expect(month.body).toMatch(/Wednesday 3 February 2027[^]*?<b>7 pm<\/b> Monthly meeting/);
  expect((await browser.get('/admin/meetings?view=month&month=2027-03')).body).toContain('March 2027');
  expect((await browser.get('/admin/meetings?view=month&month=junk')).body).toContain('January 2027');
  expect((await browser.get('/admin/meetings?text=nothing')).body).toContain(
    'No meeting has this in its title',
  );
  expect((await browser.get('/admin/meetings/list.csv?text=monthly')).body).toContain(
    'Monthly meeting,2027-02-03,19:00,Europe/London,60,planned,Meetings',
  );
  const plan = await browser.get('/admin/announcements/list.csv?text=MONTHLY');
  expect(plan.body).toContain('Tue 2 Feb 2027');
  expect((await browser.get('/admin/announcements?text=nothing')).body).toContain('Nothing was found');
});

it('draws the list on the overview and counts what the coming weeks hold', async () => {
  const { body } = await browser.get('/admin');
  expect(body).toContain('The list, by topic');
  expect(body).toMatch(/<td>January 2027<\/td><td class="number">121<\/td>/);
  expect(body).toMatch(/<b>2<\/b> meetings/);
  expect(body).toMatch(/<b>242<\/b> mails/);
});

it('says before a meeting is cancelled how many mails that sends', async () => {
  const [, id] = /\/admin\/meetings\/([0-9a-f-]{36})/.exec((await browser.get('/admin/meetings')).body)!;
  const { body } = await browser.get(`/admin/meetings/${id}/cancel`);
  expect(body).toContain('No mail goes out that would not have gone out anyway; 1 planned announcement do');
});

it('checks a file with headings of its own without a change, and then imports it', async () => {
  const file = {
    field: 'file',
    name: 'odd.csv',
    content: 'Contact,Person\nnew@example.org,New Person\nbad,X\n',
  };
  const fields = { topics: 'meetings', 'column-email': 'contact', 'column-name': 'Person' };
  const send = async (act: string) => {
    await browser.get('/admin/subscribers/import');
    const answer = await browser.upload('/admin/subscribers/import', { ...fields, act }, file);
    return (await browser.get(answer.headers.location!)).body;
  };
  expect(await send('check')).toMatch(/What this import would do[^]*<b>1<\/b><span>added/);
  expect((await browser.get('/admin/subscribers?text=new%40example.org')).body).toContain('Nobody was found');
  expect(await send('import')).toMatch(/The import is done[^]*<b>1<\/b><span>added/);
  expect((await browser.get('/admin/subscribers?text=new%40example.org')).body).toContain('New Person');
});
