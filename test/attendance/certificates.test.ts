import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  certificateCandidates,
  checkCertificate,
  issueCertificates,
  listCertificates,
  revokeCertificate,
} from '../../src/attendance/certificates.ts';
import { newCheckCode, parseCheckCode } from '../../src/attendance/check-code.ts';
import { confirmAttendee } from '../../src/attendance/confirm.ts';
import {
  answerSurvey,
  parseFollowUp,
  readFollowUp,
  saveFollowUp,
  surveyResult,
} from '../../src/attendance/follow-ups.ts';
import { takeList } from '../../src/attendance/lists.ts';
import { attendanceReport } from '../../src/attendance/report.ts';
import { answerInvitation } from '../../src/attendance/rsvps.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { auditLog, serviceMails } from '../../src/db/schema.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { juneMeeting, person } from './people.ts';

const clock = new ManualClock('2027-06-02T17:00:00Z');
const actor = { clock, actor: 'admin:test' };
const settings = {
  certificateShare: 75,
  organisationName: 'Northfield Therapy',
  groupName: 'Northfield OTs',
};
let database: OpenDatabase;
let meetingId: string;
const people: Record<string, string> = {};

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock.set('2027-06-02T17:00:00Z');
  meetingId = await juneMeeting(database.db);
  for (const name of ['Ada Byron', 'Ben Okri', 'Cat Stevens', 'Dora Short']) {
    const key = name.split(' ')[0]!.toLowerCase();
    people[key] = await person(database.db, clock, `${key}@example.org`, name);
  }
  await answerInvitation(database.db, { meetingId, subscriberId: people['ben']!, answer: 'yes' }, { clock });
  clock.set('2027-06-02T20:00:00Z');
  const start = Temporal.Instant.from('2027-06-02T18:00:00Z');
  const row = (name: string, minutes: number, email?: string) => ({
    name,
    ...(email === undefined ? {} : { email }),
    time: { from: start, to: start.add({ minutes }) },
    inWaitingRoom: false,
  });
  await takeList(
    database.db,
    meetingId,
    {
      source: 'zoom',
      participants: [
        row('Ada Byron', 60, 'ada@example.org'),
        row('Ben Okri', 45),
        row('Cat Stevens', 60),
        row('Dora Short', 44, 'dora@example.org'),
        row('A Guest', 60, 'guest@example.com'),
      ],
    },
    { clock },
  );
});

const candidates = async () =>
  (await certificateCandidates(database.db, meetingId, settings)).map(({ name, proven }) => [name, proven]);
const issue = (who: 'all' | 'proven' | readonly string[]) =>
  issueCertificates(database.db, { meetingId, who }, settings, actor);

describe('a certificate', () => {
  it('is for those known who were there for the share: neither a guest, nor a name alone, nor a minute less', async () => {
    expect(await candidates()).toEqual([
      ['Ada Byron', true],
      ['Ben Okri', false],
    ]);
    const cat = (await attendanceReport(database.db, meetingId)).guests.find(
      ({ name }) => name === 'Cat Stevens',
    )!;
    await confirmAttendee(database.db, { attendanceId: cat.id, subscriberId: people['cat']! }, actor);
    expect(await candidates()).toEqual([
      ['Ada Byron', true],
      ['Ben Okri', false],
      ['Cat Stevens', false],
    ]);
  });

  it('goes out by itself only to those whom Zoom knew by our address', async () => {
    expect((await issue('proven')).map(({ name }) => name)).toEqual(['Ada Byron']);
    expect(await issue('proven')).toEqual([]);
  });

  it('is issued once, by one click or two at once, with a mail for each', async () => {
    await saveFollowUp(database.db, meetingId, parseFollowUp({ learningAims: 'Compare splints' }), actor);
    await Promise.all([issue('all'), issue('all')]);
    const issued = await listCertificates(database.db, meetingId);
    expect(issued).toMatchObject([
      {
        name: 'Ada Byron',
        title: 'Splinting after stroke',
        minutes: 60,
        learningAims: 'Compare splints',
        organisation: 'Northfield Therapy',
        issuedBy: 'admin:test',
        heldAt: Temporal.Instant.from('2027-06-02T18:00:00Z'),
      },
      { name: 'Ben Okri', minutes: 45 },
    ]);
    const mails = await database.db.select().from(serviceMails);
    expect(mails.map(({ kind, recipient, data }) => ({ kind, recipient, data }))).toEqual(
      expect.arrayContaining(
        issued.map(({ id, subscriberId }) => ({
          kind: 'certificate',
          recipient: subscriberId,
          data: { certificateId: id },
        })),
      ),
    );
    expect(mails).toHaveLength(2);
  });

  it('may be issued to some of the candidates', async () => {
    const [, ben] = await certificateCandidates(database.db, meetingId, settings);
    expect((await issue([ben!.attendanceId])).map(({ name }) => name)).toEqual(['Ben Okri']);
    const guest = (await attendanceReport(database.db, meetingId)).guests.map(({ id }) => id);
    expect(await issue(guest)).toEqual([]);
  });

  it('is checked by its code in any spelling, tells what the paper says and no more, and can be taken back', async () => {
    const [ada] = await issue('proven');
    const code = ada!.checkCode;
    expect(await checkCertificate(database.db, ` ${code.toLowerCase().replaceAll('-', ' ')} `)).toEqual({
      result: 'valid',
      name: 'Ada Byron',
      title: 'Splinting after stroke',
      heldAt: Temporal.Instant.from('2027-06-02T18:00:00Z'),
      zone: 'Europe/London',
      minutes: 60,
      organisation: 'Northfield Therapy',
      groupName: 'Northfield OTs',
      issuedAt: clock.now(),
    });
    clock.advance({ hours: 1 });
    await expect(revokeCertificate(database.db, { id: ada!.id, reason: ' ' }, actor)).rejects.toMatchObject({
      code: 'invalid_input',
    });
    await revokeCertificate(database.db, { id: ada!.id, reason: 'Issued to the wrong person' }, actor);
    expect(await checkCertificate(database.db, code)).toEqual({ result: 'revoked', revokedAt: clock.now() });
    await expect(
      revokeCertificate(database.db, { id: ada!.id, reason: 'again' }, actor),
    ).rejects.toMatchObject({
      code: 'wrong_state',
    });
    expect((await issue('proven')).map(({ name }) => name)).toEqual(['Ada Byron']);
    const acts = (await database.db.select().from(auditLog)).map(({ action }) => action);
    expect(acts.filter((action) => action.startsWith('certificate'))).toEqual([
      'certificates.issued',
      'certificate.revoked',
      'certificates.issued',
    ]);
  });

  it('has a code that is read as it is typed, and nothing else is', async () => {
    const code = newCheckCode();
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2}$/);
    expect(parseCheckCode('k7qm 2x9p–4trn')).toBe('K7QM-2X9P-4TRN');
    expect(parseCheckCode('OIL0-0000-0000')).toBe('0110-0000-0000');
    for (const wrong of ['', 'K7QM-2X9P', 'K7QM-2X9P-4TRU', 'K7QM-2X9P-4TRN-0', "'; drop table x;"]) {
      expect(parseCheckCode(wrong)).toBeUndefined();
      expect(await checkCertificate(database.db, wrong)).toEqual({ result: 'unknown' });
    }
    expect(await checkCertificate(database.db, 'K7QM-2X9P-4TRN')).toEqual({ result: 'unknown' });
  });
});

describe('what belongs to a meeting afterwards', () => {
  it('is checked, kept and changed', async () => {
    expect(await readFollowUp(database.db, meetingId)).toEqual({
      learningAims: '',
      slidesUrl: null,
      recordingUrl: null,
      note: '',
    });
    const input = { slidesUrl: ' https://example.org/slides ', recordingUrl: '', note: 'Thank you all' };
    await saveFollowUp(database.db, meetingId, parseFollowUp(input), actor);
    expect(await readFollowUp(database.db, meetingId)).toMatchObject({
      slidesUrl: 'https://example.org/slides',
      recordingUrl: null,
      note: 'Thank you all',
    });
    expect(() => parseFollowUp({ slidesUrl: 'slides', recordingUrl: 'javascript:alert(1)' })).toThrow(
      /slidesUrl: must be a web address.*recordingUrl/,
    );
    expect(() => parseFollowUp({ learningAims: 'x\n'.repeat(12) + 'y' })).toThrow(/at most 12 lines/);
  });

  it('asks two questions, one answer each, without names', async () => {
    const answer = (who: string, usefulness: unknown, wish = '') =>
      answerSurvey(database.db, { meetingId, visitor: who, raw: { usefulness, wish } }, { clock });
    await answer('ada', '5', 'More on hands');
    await answer('ben', 4, '');
    await answer('ada', '3', 'More on feet');
    expect(await surveyResult(database.db, meetingId)).toEqual({
      answers: 2,
      usefulness: 3.5,
      wishes: ['More on feet'],
    });
    await expect(answer('ben', '6')).rejects.toThrow(/usefulness: must be a number from 1 to 5/);
    clock.set('2027-06-02T17:00:00Z');
    await expect(answer('ben', '4')).rejects.toMatchObject({ code: 'wrong_state' });
  });
});
