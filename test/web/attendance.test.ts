import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listCertificates } from '../../src/attendance/certificates.ts';
import { surveyResult } from '../../src/attendance/follow-ups.ts';
import { attendanceReport } from '../../src/attendance/report.ts';
import { listAnswers } from '../../src/attendance/rsvps.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { announcements, attendanceLists, serviceMails, surveyAnswers } from '../../src/db/schema.ts';
import { listAudit } from '../../src/organisation/audit.ts';
import { juneMeeting, person } from '../attendance/people.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { Browser, openSite, setUpGroup, type Site } from './site.ts';

let database: OpenDatabase;
let site: Site;
let browser: Browser;
let meetingId: string;
let ada: string;
let ben: string;

beforeAll(async () => {
  database = await openTestDatabase();
  site = await openSite(database, {}, { zoomStartLink: async () => '' });
  site.clock.set('2027-06-01T12:00:00Z');
  await emptyDatabase(database);
  await setUpGroup(site);
  meetingId = await juneMeeting(database.db);
  ada = await person(database.db, site.clock, 'ada@example.org', 'Ada Byron');
  ben = await person(database.db, site.clock, 'ben@home.example', 'Ben Okri');
  await person(database.db, site.clock, 'cat@example.org', 'Catherine Stevens');
  browser = new Browser(site);
  await browser.signIn('administrator@example.org');
});
afterAll(() => database.close());

const pathOf = (url: string) => new URL(url).pathname;
const admin = (path: string) => `/admin/meetings/${meetingId}${path}`;
const report = () => attendanceReport(database.db, meetingId);

it('an invitation is answered on its page, with a question, and only by the button', async () => {
  const visitor = new Browser(site);
  const link = `${pathOf(site.deps.links.rsvpUrl(ben))}/${meetingId}`;
  const page = await visitor.get(`${link}?answer=yes`);
  expect(page.body).toMatch(/id="answer-yes"[^>]*checked/);
  expect(await listAnswers(database.db, meetingId)).toEqual([]);
  const said = await visitor.post(link, { answer: 'yes', question: 'Who pays for the splints?' });
  expect(said.body).toContain('We look forward to seeing you');
  expect(await listAnswers(database.db, meetingId)).toMatchObject([
    { subscriberId: ben, answer: 'yes', question: 'Who pays for the splints?' },
  ]);
  const wrong = await visitor.post(link, { answer: 'never', question: 'Still here?' });
  expect(wrong.statusCode).toBe(422);
  expect(wrong.body).toContain('Still here?');
  // Another person's link, and one for something else, are no answer of Ben's.
  expect((await visitor.post(link.replace('/rsvp/', '/rsvp/x'), { answer: 'no' })).statusCode).toBe(404);
  const other = `/rsvp/${pathOf(site.deps.links.unsubscribeUrl(ben)).split('/')[2]}/${meetingId}`;
  expect((await visitor.post(other, { answer: 'no' })).statusCode).toBe(404);
  const host = (await browser.get(admin(''))).body;
  expect(host).toContain('Who pays for the splints?');
  expect(host).toMatch(/<b>1<\/b><span>said yes/);
  expect((await visitor.get(`/m/${meetingId}/survey`)).body).toContain('has not begun yet');
});

it('the list comes from a file or from Zoom on request, and a person says who is who', async () => {
  expect((await browser.get(admin('/attendance'))).body).toContain('has not begun yet');
  site.clock.set('2027-06-02T20:30:00Z');
  await browser.signIn('administrator@example.org');
  const refused = await browser.upload(
    admin('/attendance/file'),
    { zone: 'Europe/London' },
    { field: 'file', name: 'other.csv', content: 'a,b\n1,2\n' },
  );
  expect(refused.statusCode).toBe(422);
  expect(refused.body).toContain('id="file-problem"');
  const content = readFileSync(new URL('../attendance/files/old-layout.csv', import.meta.url));
  await browser.upload(
    admin('/attendance/file'),
    { zone: 'Europe/London' },
    { field: 'file', name: 'participants.csv', content },
  );
  const page = (await browser.get(admin('/attendance'))).body;
  const file = (await browser.get(admin('/attendance.csv'))).body.split('\r\n');
  expect(file[0]).toContain('name,on the list,minutes');
  expect(file.some((line) => /^Ada Byron,yes,\d+,\d+%/.test(line))).toBe(true);
  // 18:58:30–19:20:15 and 19:23:45–20:01, within 19:00–20:00: 20:15 + 36:15 minutes.
  expect(page).toMatch(/Ada Byron<\/a>[\s\S]*?56 minutes/);
  expect(page).toContain('by telephone');
  expect(page).toContain('Yes<span class="visually-hidden">, Ben Okri is Ben Okri</span>');
  const { guests } = await report();
  const guest = guests.find(({ name }) => name === 'Ben Okri')!;
  const unknown = await browser.post(admin('/attendance/confirm'), {
    attendance: guest.id,
    person: 'nobody@example.org',
  });
  expect(unknown.statusCode).toBe(422);
  expect(unknown.body).toContain(`id="person-${guest.id}-problem"`);
  await browser.post(admin('/attendance/confirm'), { attendance: guest.id, person: ben });
  expect((await report()).known.map(({ name, matchedBy }) => [name, matchedBy])).toEqual([
    ['Ada Byron', 'email'],
    ['Ben Okri', 'person'],
  ]);
  await browser.post(admin('/attendance/unconfirm'), { attendance: guest.id });
  expect((await report()).known).toHaveLength(1);
  const nudges = site.nudges();
  await browser.post(admin('/attendance/fetch'));
  expect(site.nudges()).toBe(nudges + 1);
  expect((await listAudit(database.db, { limit: 1 }))[0]).toMatchObject({
    action: 'attendance.asked_for',
    subject: meetingId,
  });
  const [list] = await database.db.select().from(attendanceLists);
  expect(list?.askedAt).toEqual(site.clock.now());
  expect((await report()).list).toBe('taken');
});

it('a certificate is issued by one click, drawn, checked by anybody, and taken back', async () => {
  await browser.post(admin('/after'), {
    learningAims: 'Choose a splint',
    slidesUrl: 'https://example.org/s.pdf',
    recordingUrl: 'not an address',
    note: '',
  });
  await browser.post(admin('/after'), {
    learningAims: 'Choose a splint',
    slidesUrl: 'https://example.org/s.pdf',
    recordingUrl: '',
    note: 'You were wonderful.',
  });
  const { known, guests } = await report();
  const page = (await browser.get(admin('/attendance'))).body;
  expect(page).toContain('For 75% of the meeting: 45 minutes');
  expect(page).toContain(`id="candidate-${known[0]!.id}"`);
  expect(page.match(/id="candidate-/g)).toHaveLength(1);
  // A guest's row is no candidate, whoever sends it.
  await browser.post(admin('/certificates'), { attendance: [known[0]!.id, guests[0]!.id] });
  await browser.post(admin('/certificates'), { attendance: [known[0]!.id] });
  const [certificate, ...others] = await listCertificates(database.db, meetingId);
  expect(others).toEqual([]);
  expect(certificate).toMatchObject({
    subscriberId: ada,
    name: 'Ada Byron',
    minutes: 56,
    learningAims: 'Choose a splint',
  });
  expect((await report()).known.map(({ certificateId }) => certificateId)).toEqual([certificate!.id]);
  expect((await report()).guests.every(({ certificateId }) => certificateId === null)).toBe(true);
  const mails = await database.db.select().from(serviceMails);
  expect(mails.filter(({ kind }) => kind === 'certificate')).toHaveLength(1);
  const file = await browser.get(`/admin/certificates/${certificate!.id}/file`);
  expect(file.headers['content-type']).toBe('application/pdf');
  expect(file.rawPayload.subarray(0, 5).toString()).toBe('%PDF-');

  const anybody = new Browser(site);
  const code = certificate!.checkCode.toLowerCase().replaceAll('-', ' ');
  const search = await anybody.get(`/certificates?code=${encodeURIComponent(code)}`);
  const checked = await anybody.get(search.headers.location!);
  expect(checked.body).toContain('This certificate is genuine');
  expect(checked.body).toContain('Ada Byron');
  expect(checked.body).not.toContain('ada@example.org');
  const unknown = await anybody.get('/certificates/K7QM-2X9P-4TRN');
  expect([unknown.statusCode, unknown.body.includes('We know no certificate')]).toEqual([404, true]);

  const revoke = `/admin/certificates/${certificate!.id}/revoke`;
  await browser.get(revoke);
  expect((await browser.post(revoke, { reason: ' ' })).statusCode).toBe(422);
  await browser.post(revoke, { reason: 'Somebody else used her account.' });
  const gone = await anybody.get(`/certificates/${certificate!.checkCode}`);
  expect(gone.body).toContain('not valid any more');
  expect(gone.body).not.toContain('Ada Byron');
  expect(gone.body).not.toContain('Somebody else');
  expect((await browser.get(admin('/attendance'))).body).toContain('taken back');
});

it('the mail to those who came is drafted from what was written, and its survey gives the results', async () => {
  const drafted = await browser.post(admin('/after'), {
    learningAims: '',
    slidesUrl: 'https://example.org/s.pdf',
    recordingUrl: '',
    note: 'You were wonderful.',
    act: 'draft',
  });
  const [announcement] = await database.db.select().from(announcements);
  expect(drafted.headers.location).toBe(`/admin/announcements/${announcement!.id}`);
  expect(announcement).toMatchObject({ kind: 'post_meeting_note', audienceKind: 'attended', state: 'draft' });

  const url = `/m/${meetingId}/survey`;
  const [one, two] = [new Browser(site), new Browser(site)];
  const unanswered = await one.post(url, { wish: 'Hand therapy' });
  expect(unanswered.statusCode).toBe(422);
  expect(unanswered.body).toContain('Please choose how useful it was.');
  expect(unanswered.body).toContain('Hand therapy');
  await one.post(url, { usefulness: '3', wish: 'Hand therapy' });
  await one.post(url, { usefulness: '4', wish: 'Hand therapy' });
  await two.post(url, { usefulness: '5', wish: '' });
  await two.post(url, { usefulness: '1', wish: 'spam', website: 'https://spam.example' });
  expect(await surveyResult(database.db, meetingId)).toEqual({
    answers: 2,
    usefulness: 4.5,
    wishes: ['Hand therapy'],
  });
  expect(JSON.stringify(await database.db.select().from(surveyAnswers))).not.toContain('@');
  const results = (await browser.get(admin('/after'))).body;
  expect(results).toMatch(/<b>4.5<\/b>/);
  expect(results).toContain('Hand therapy');
});

it('an editor sees all of it, but issues and takes back nothing', async () => {
  await setUpGroup(site, 'editor');
  const editor = new Browser(site);
  await editor.signIn('editor@example.org');
  expect((await editor.get(admin('/attendance'))).statusCode).toBe(200);
  const { known } = await report();
  const answer = await editor.post(admin('/certificates'), { attendance: known[0]!.id });
  expect(answer.statusCode).toBe(403);
});
