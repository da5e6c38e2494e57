import { eq } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { checkLinksJob } from '../../jobs/check-links.ts';
import { deliver } from '../../jobs/deliver.ts';
import { approveDraft, prepareDraft, type DraftView } from '../../src/drafts/prepare.ts';
import { freeze } from '../../jobs/freeze.ts';
import { runAnnouncements } from '../../jobs/run-announcements.ts';
import { findAnnouncement } from '../../src/announcements/announcements.ts';
import { undoApproval } from '../../src/announcements/approval-withdrawal.ts';
import { parseDraftInput } from '../../src/announcements/compose-input.ts';
import { createDraft, deleteDraft, editDraft, findDraft } from '../../src/announcements/compose.ts';
import { draftCorrection, draftForMissed } from '../../src/announcements/follow-up.ts';
import { addMeeting, cancelMeeting, moveMeeting } from '../../src/announcements/meeting-changes.ts';
import { deliveries, drafts, serviceMails, subscribers, topicSubscriptions } from '../../src/db/schema.ts';
import { findingKey } from '../../src/kernel/finding.ts';
import { newId } from '../../src/kernel/ids.ts';
import { parseMeetingChange } from '../../src/meetings/meeting-input.ts';
import { changeSetting } from '../../src/organisation/settings.ts';
import type { Mailer, OutgoingMail } from '../../src/mail/types.ts';
import { ManualClock } from '../support/clock.ts';
import { useTestDatabase } from '../support/database.ts';
import { addPeople, planning, singleMeeting } from '../support/meetings.ts';
import { runDueWork, setUpOrganisation, testServices } from '../support/services.ts';

const START = '2027-01-11T10:00:00Z';
const clock = new ManualClock(START);
const context = { clock, actor: 'admin:1', zone: 'Europe/London' };
const jobs = [freeze, runAnnouncements, deliver];
const database = useTestDatabase();
let sent: OutgoingMail[] = [];

const mailer: Mailer = {
  kind: 'smtp',
  send: (mail) => {
    sent.push(mail);
    return Promise.resolve({ result: 'accepted', response: '250 ok' });
  },
  check: () => Promise.reject(new Error('not asked')),
  close: () => Promise.resolve(),
};
const services = () => testServices(database, clock, { mailer });

beforeEach(async () => {
  clock.set(START);
  sent = [];
  await setUpOrganisation(services());
});

function input(changes: object = {}) {
  return parseDraftInput(
    {
      kind: 'news',
      subject: 'News for {{name|all}}',
      body: 'Hello {{name|there}}, all is well.',
      ...changes,
    },
    { zone: 'Europe/London', mailerlite: false },
  );
}

const keys = ({ findings }: DraftView) => findings.map(findingKey);

/** Approves a draft as it is, with all its warnings. */
async function approve(id: string, actor = 'admin:1') {
  const view = await prepareDraft(services(), id);
  return approveDraft(services(), id, { hash: view.hash, confirmedWarnings: keys(view) }, actor);
}

async function newDraft(changes: object = {}, people = 2) {
  await addPeople(database.db, clock, people, 'news');
  return (await createDraft(database.db, input(changes), context)).announcement.id;
}

/** Lets time pass and does what is due then. */
async function workAt(instant: string) {
  clock.set(instant);
  await runDueWork(jobs, services());
}

describe('an approved announcement', () => {
  it('goes out once to everybody, as it was approved, after the time to undo', async () => {
    const id = await newDraft();
    const { announcement, draft } = await approve(id);
    expect([announcement.state, announcement.sendAt.toString()]).toEqual([
      'approved',
      '2027-01-11T10:05:00Z',
    ]);
    expect(draft.undoUntil?.toString()).toBe('2027-01-11T10:05:00Z');
    await changeSetting(database.db, 'groupName', 'Renamed', { clock, actor: 'test' });
    await workAt('2027-01-11T10:04:59Z');
    expect(sent).toEqual([]);
    await workAt('2027-01-11T10:05:00Z');
    await workAt('2027-01-11T10:06:00Z');
    expect(sent.map(({ to, subject }) => [to.address, subject]).toSorted()).toEqual([
      ['person0@example.org', 'News for Person'],
      ['person1@example.org', 'News for Person'],
    ]);
    expect(sent[0]!.text).toContain('Hello Person, all is well.');
    expect(sent[0]!.html).not.toContain('Renamed');
    expect((await findAnnouncement(database.db, id)).state).toBe('sent');
  });

  it('goes out once when it is approved twice at once', async () => {
    const id = await newDraft();
    const view = await prepareDraft(services(), id);
    const both = await Promise.allSettled(
      ['admin:1', 'cli'].map((actor) =>
        approveDraft(services(), id, { hash: view.hash, confirmedWarnings: keys(view) }, actor),
      ),
    );
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await workAt('2027-01-11T10:05:00Z');
    expect(sent).toHaveLength(2);
  });

  it('cannot go out with an edit that nobody approved', async () => {
    const id = await newDraft();
    await approve(id);
    clock.set('2027-01-11T10:04:00Z');
    await runDueWork([freeze], services());
    expect((await findAnnouncement(database.db, id)).audience).toBe(2);
    await editDraft(database.db, id, input({ body: 'Hello, all is changed.' }), context);
    expect((await findDraft(database.db, id)).draft.approvedContent).toBeNull();
    await workAt('2027-01-11T11:00:00Z');
    expect(sent).toEqual([]);
    expect((await findAnnouncement(database.db, id)).state).toBe('draft');
    await approve(id);
    await workAt('2027-01-11T11:05:00Z');
    expect(sent.map(({ text }) => text.includes('all is changed'))).toEqual([true, true]);
  });

  it('is not sent when its content was altered past the approval', async () => {
    const id = await newDraft();
    const { draft } = await approve(id);
    await database.db
      .update(drafts)
      .set({ approvedContent: { ...(draft.approvedContent as object), text: 'altered' } })
      .where(eq(drafts.announcementId, id));
    clock.set('2027-01-11T10:05:00Z');
    await expect(runDueWork(jobs, services())).rejects.toMatchObject({ code: 'internal' });
    expect(sent).toEqual([]);
  });

  it('waits for its time and for the end of the quiet hours', async () => {
    const later = await newDraft({ sendAt: '2027-01-12T09:30' });
    expect((await approve(later)).announcement.sendAt.toString()).toBe('2027-01-12T09:30:00Z');
    clock.set('2027-01-11T23:00:00Z');
    const { announcement } = await createDraft(database.db, input(), context);
    const { announcement: quiet } = await approve(announcement.id);
    expect(quiet.sendAt.toString()).toBe('2027-01-12T08:00:00Z');
    expect(quiet.lateAfter.toString()).toBe('2027-01-14T08:00:00Z');
  });

  it('can be undone for five minutes, and not after', async () => {
    const id = await newDraft();
    await approve(id);
    clock.set('2027-01-11T10:04:00Z');
    await runDueWork([freeze], services());
    expect((await undoApproval(database.db, id, context)).announcement.state).toBe('draft');
    await workAt('2027-01-11T10:06:00Z');
    expect(sent).toEqual([]);
    await approve(id);
    clock.set('2027-01-11T10:11:00Z');
    await expect(undoApproval(database.db, id, context)).rejects.toMatchObject({ code: 'wrong_state' });
  });
});

describe('an approval', () => {
  it('is refused when it is not of what was seen', async () => {
    const id = await newDraft();
    const view = await prepareDraft(services(), id);
    await editDraft(database.db, id, input({ body: 'Something else.' }), context);
    const old = approveDraft(services(), id, { hash: view.hash, confirmedWarnings: keys(view) }, 'admin:1');
    await expect(old).rejects.toMatchObject({ code: 'conflict' });
  });

  it('is blocked by errors, and wants warnings confirmed, which it records', async () => {
    const id = await newDraft({ body: 'Anna Bell speaks.\n\n![](https://www.rcot.co.uk/a.png)' });
    const view = await prepareDraft(services(), id);
    expect(view.findings.map(({ level, check, line }) => [level, check, line])).toEqual([
      ['error', 'pictures', 3],
      ['warning', 'people', 1],
      ['warning', 'links not looked up', 3],
    ]);
    await expect(approve(id)).rejects.toMatchObject({
      code: 'wrong_state',
      problems: [{ field: 'pictures, line 3' }],
    });
    await editDraft(database.db, id, input({ body: 'Anna Bell speaks.' }), context);
    const { hash } = await prepareDraft(services(), id);
    await expect(
      approveDraft(services(), id, { hash, confirmedWarnings: [] }, 'admin:1'),
    ).rejects.toMatchObject({ problems: [{ field: 'people, line 1' }] });
    const { draft } = await approve(id);
    expect(draft.confirmedWarnings).toMatchObject([{ check: 'people', line: 1 }]);
  });

  it('asks for a second person where the setting says so', async () => {
    await changeSetting(database.db, 'approvalBySecondPerson', 'yes', { clock, actor: 'test' });
    const id = await newDraft();
    expect((await approve(id)).announcement.state).toBe('awaiting_approval');
    await expect(approve(id)).rejects.toMatchObject({ code: 'wrong_state' });
    expect(await database.db.select({ kind: serviceMails.kind }).from(serviceMails)).toEqual([
      { kind: 'approval-wanted' },
    ]);
    expect((await approve(id, 'admin:2')).announcement.state).toBe('approved');
  });

  it('looks at what links lead to, and warns until that is known', async () => {
    const id = await newDraft({ body: 'Hello,\n\n[the course](https://www.rcot.co.uk/gone)' });
    const unasked = await prepareDraft(services(), id);
    expect(unasked.findings).toMatchObject([{ level: 'warning', check: 'links not looked up', line: 3 }]);
    const hasty = approveDraft(services(), id, { hash: unasked.hash, confirmedWarnings: [] }, 'admin:1');
    await expect(hasty).rejects.toMatchObject({ code: 'wrong_state' });
    await runDueWork([checkLinksJob(() => Promise.resolve(404))], services());
    expect((await prepareDraft(services(), id)).findings).toMatchObject([
      { level: 'error', check: 'links', line: 3 },
    ]);
    await expect(approve(id)).rejects.toMatchObject({ problems: [{ field: 'links, line 3' }] });
    await editDraft(database.db, id, input({ body: 'Hello.' }), context);
    expect((await prepareDraft(services(), id)).findings).toEqual([]);
  });

  it('is taken back when the meeting changes, and an invitation to a cancelled one is cancelled', async () => {
    await addPeople(database.db, clock, 2);
    const meeting = await addMeeting(
      database.db,
      singleMeeting('2027-01-20T19:00', { remind: [] }),
      planning(clock),
    );
    const invitation = input({
      kind: 'meeting_invitation',
      meetingId: meeting.id,
      body: 'Hello, come on {{meetingWhen}}.',
    });
    const { announcement } = await createDraft(database.db, invitation, context);
    await approve(announcement.id);
    clock.set('2027-01-11T10:04:00Z');
    await runDueWork([freeze], services());
    await moveMeeting(
      database.db,
      meeting.id,
      parseMeetingChange({ start: '2027-01-21T19:00' }, meeting.zone),
      planning(clock),
    );
    await workAt('2027-01-11T10:10:00Z');
    expect(sent).toEqual([]);
    expect((await findAnnouncement(database.db, announcement.id)).state).toBe('draft');
    expect(await database.db.select({ kind: serviceMails.kind }).from(serviceMails)).toEqual([
      { kind: 'approval-withdrawn' },
    ]);
    await approve(announcement.id);
    await cancelMeeting(database.db, meeting.id, null, planning(clock));
    expect((await findAnnouncement(database.db, announcement.id)).state).toBe('cancelled');
  });
});

describe('a draft', () => {
  it('can be removed until it is approved', async () => {
    const id = await newDraft();
    await approve(id);
    await expect(deleteDraft(database.db, id, context)).rejects.toMatchObject({ code: 'wrong_state' });
    await undoApproval(database.db, id, context);
    await deleteDraft(database.db, id, context);
    await expect(findDraft(database.db, id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is not overwritten by somebody who saw an older version', async () => {
    const id = await newDraft();
    await editDraft(database.db, id, input({ body: 'Second.' }), { ...context, seen: 1 });
    const stale = editDraft(database.db, id, input({ body: 'Third.' }), { ...context, seen: 1 });
    await expect(stale).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('what follows an announcement', () => {
  it('reaches those who missed it, and a correction those who got it', async () => {
    const id = await newDraft();
    await approve(id);
    await workAt('2027-01-11T10:05:00Z');
    const [failed] = await database.db.select().from(deliveries).where(eq(deliveries.announcementId, id));
    await database.db.update(deliveries).set({ state: 'failed' }).where(eq(deliveries.id, failed!.id));
    const late = await addLatecomer();
    sent = [];

    const missed = await draftForMissed(database.db, id, context);
    expect((await prepareDraft(services(), missed.announcement.id)).audience).toBe(2);
    await approve(missed.announcement.id);
    await workAt('2027-01-11T10:10:00Z');
    expect(sent.map(({ to }) => to.address).toSorted()).toEqual([failed!.email, late].toSorted());
    const again = await draftForMissed(database.db, id, context);
    expect((await prepareDraft(services(), again.announcement.id)).audience).toBe(0);

    sent = [];
    const correction = await draftCorrection(database.db, id, context);
    await approve(correction.announcement.id);
    await workAt('2027-01-11T10:15:00Z');
    expect(sent).toHaveLength(1);
    expect(sent[0]!.to.address).not.toBe(failed!.email);
    expect(sent[0]!.subject).toMatch(/^Correction: News for /);
  });

  /** Somebody who joins after it has gone out. */
  async function addLatecomer(): Promise<string> {
    const [one] = await database.db.select().from(subscribers).limit(1);
    const [topic] = await database.db.select().from(topicSubscriptions).limit(1);
    const id = newId(clock.now());
    const email = 'late@example.org';
    await database.db.insert(subscribers).values({ ...one!, id, email, emailNormalised: email });
    await database.db.insert(topicSubscriptions).values({ ...topic!, subscriberId: id });
    return email;
  }
});
