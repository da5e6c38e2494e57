import { eq, sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deliver } from '../../jobs/deliver.ts';
import { approveDraft, prepareDraft } from '../../src/drafts/prepare.ts';
import { freeze } from '../../jobs/freeze.ts';
import { mailerliteCampaign } from '../../jobs/mailerlite-campaign.ts';
import { runAnnouncements } from '../../jobs/run-announcements.ts';
import { findAnnouncement } from '../../src/announcements/announcements.ts';
import { announcementBooks } from '../../src/announcements/books.ts';
import { findCampaign } from '../../src/announcements/campaigns.ts';
import { parseDraftInput } from '../../src/announcements/compose-input.ts';
import { createDraft, deleteDraft, editDraft } from '../../src/announcements/compose.ts';
import {
  cancelAnnouncement,
  holdAnnouncement,
  resumeAnnouncement,
} from '../../src/announcements/life-cycle.ts';
import { addMeeting } from '../../src/announcements/meeting-changes.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import { announcements, serviceMails } from '../../src/db/schema.ts';
import { findingKey } from '../../src/kernel/finding.ts';
import type { MailerLiteClient } from '../../src/mailerlite/client.ts';
import { changeSetting, readSettings } from '../../src/organisation/settings.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { findSubscriber } from '../../src/subscribers/subscribers.ts';
import { planWarnings } from '../../src/sync/overview.ts';
import type { Fault } from '../support/fake-mailerlite/faults.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { planning, singleMeeting } from '../support/meetings.ts';
import { runDueWork, setUpOrganisation } from '../support/services.ts';
import { createWorld, enrolHere, settle, SYNC_JOBS, type World } from '../sync/world.ts';

const PEOPLE = Array.from({ length: 6 }, (_, n) => `person${n}@example.org`);
const JOBS = [freeze, runAnnouncements, deliver, mailerliteCampaign, ...SYNC_JOBS];

let database: OpenDatabase;
let world: World;
const by = () => ({ clock: world.clock, actor: 'admin:1' });

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  world = await createWorld(database);
  await setUpOrganisation(world.services);
  // Somebody who is on the list, and not in the group.
  for (let n = 0; n < 20; n++) {
    world.fake.createSubscriber({ email: `elsewhere${n}@example.org`, groups: [world.groups.training] });
  }
  await enrolHere(world, PEOPLE);
  await settle(world);
});
afterEach(() => world.close());

const draftInput = (changes: object = {}) =>
  parseDraftInput(
    {
      kind: 'news',
      topic: 'meetings',
      channel: 'mailerlite',
      subject: 'News',
      body: 'All is well.',
      ...changes,
    },
    { zone: 'Europe/London', mailerlite: true },
  );

async function approve(id: string): Promise<void> {
  const view = await prepareDraft(world.services, id);
  const confirmedWarnings = view.findings.map(findingKey);
  await approveDraft(world.services, id, { hash: view.hash, confirmedWarnings }, 'admin:1');
}

/** An announcement that was approved, of which the approval can no longer be undone. */
async function approved(changes: object = {}): Promise<string> {
  const { announcement } = await createDraft(database.db, draftInput(changes), {
    ...by(),
    zone: 'Europe/London',
  });
  await approve(announcement.id);
  return announcement.id;
}

async function work(): Promise<void> {
  await runDueWork(JOBS, world.services, { rounds: 200 });
}

/** Lets time pass in steps, as the work comes round. */
async function pass(minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) {
    world.clock.advance({ seconds: 61 });
    await work();
  }
}

const books = async (id: string) => (await announcementBooks(database.db, id)).books;
const state = async (id: string) => (await findAnnouncement(database.db, id)).state;
const step = async (id: string) => (await findCampaign(database.db, id))?.step;
const problem = async (id: string) => (await findCampaign(database.db, id))?.problem ?? '';
const only = () => {
  expect(world.fake.campaigns()).toHaveLength(1);
  return world.fake.campaigns()[0]!;
};

/** One campaign, to the people of the group alone, and books that say so. */
async function expectSentOnce(id: string, people: readonly string[] = PEOPLE): Promise<void> {
  expect(only()).toMatchObject({ status: 'sent', groups: [world.groups.meetings] });
  expect(only().to.toSorted()).toEqual([...people]);
  expect(await state(id)).toBe('sent');
  expect(await books(id)).toMatchObject({ sent: people.length, pending: 0, failed: 0, unknown: 0 });
}

describe('an announcement by MailerLite', () => {
  it('goes to its group once and at its time, with MailerLite’s own tags and no attachment', async () => {
    const meeting = await addMeeting(
      database.db,
      singleMeeting('2026-11-20T19:00', { title: 'Case discussion', remind: [] }),
      planning(world.clock),
    );
    const id = await approved({
      kind: 'meeting_invitation',
      meetingId: meeting.id,
      subject: 'Come, {{name|all}}: {$email}',
      body: 'Dear {{name|colleague}}, this costs {$500}.',
      sendAt: '2026-11-03T10:00',
    });
    await pass(6);
    expect(only()).toMatchObject({ status: 'draft', groups: [world.groups.meetings] });
    const { content, subject } = only().email;
    expect(subject).toBe("Come, {$name|default('all')}: { $email}");
    expect(content).toContain("Dear {$name|default('colleague')}, this costs { $500}.");
    expect(content).not.toContain('{$email}');
    expect(content).toContain('href="{$unsubscribe}"');
    expect(content).toContain('href="{$preferences}"');
    expect(content).toContain(`https://network.example.org/m/${meeting.id}.ics`);
    expect(content).toContain('https://calendar.google.com/');
    expect(content).not.toMatch(/attached|\/rsvp\//);

    world.clock.set('2026-11-03T09:59:00Z');
    await work();
    expect(only().status).toBe('draft');
    world.clock.set('2026-11-03T10:00:00Z');
    await work();
    expect(only().status).toBe('ready');
    await pass(2);
    await expectSentOnce(id);
    // Another sender than the one that was asked for stands in it, since MailerLite has not verified that.
    expect(await findCampaign(database.db, id)).toMatchObject({
      step: 'settled',
      senderThere: 'test@example.org',
      recipients: 6,
      expected: 6,
      strangers: 0,
      problem: null,
    });
  });

  it('tells the truth of who got it and who left by it', async () => {
    const id = await approved();
    await pass(5);
    expect(only().status).toBe('ready');
    // In the last minute: one leaves there, one comes whom nobody here knows, one leaves here and is not told in time.
    world.fake.act({ email: PEOPLE[0]!, act: 'leave', group: world.groups.meetings });
    world.fake.createSubscriber({ email: 'stranger@example.org', groups: [world.groups.meetings] });
    const leaver = (await findSubscriber(database.db, PEOPLE[1]!))!.id;
    await unsubscribe(database.db, { subscriberId: leaver, topic: 'all', source: 'one_click' }, by());
    world.clock.advance({ seconds: 61 });
    await runDueWork([runAnnouncements, mailerliteCampaign], world.services);
    expect(await books(id)).toMatchObject({ audience: 6, sent: 5, excluded: 1, pending: 0 });
    expect(await findCampaign(database.db, id)).toMatchObject({ strangers: 1, step: 'settled' });

    world.fake.takeDeliveries();
    world.fake.act({ email: PEOPLE[2]!, act: 'unsubscribe' });
    expect((await findSubscriber(database.db, PEOPLE[2]!))!.topics).toEqual(['meetings']);
    world.clock.advance({ hours: 25 });
    await work();
    expect((await findSubscriber(database.db, PEOPLE[2]!))!.topics).toEqual([]);
    expect(await step(id)).toBe('done');
  });

  it('waits until MailerLite knows of everybody who has left', async () => {
    const id = await approved();
    await pass(4);
    const leaver = (await findSubscriber(database.db, PEOPLE[0]!))!.id;
    await unsubscribe(database.db, { subscriberId: leaver, topic: 'all', source: 'one_click' }, by());
    world.clock.advance({ minutes: 2 });
    const own = [freeze, runAnnouncements, mailerliteCampaign];
    await runDueWork(own, world.services);
    expect(only().status).toBe('draft');
    expect(await problem(id)).toContain('Opt-outs are brought to both sides first');
    await pass(3);
    await expectSentOnce(id, PEOPLE.slice(1));
  });

  it.each<Fault['kind']>(['rate_limited', 'server_error', 'not_json', 'dropped', 'dropped_after'])(
    'goes out once and to nobody else when each step meets the fault %s',
    async (kind) => {
      for (const matching of [
        '/schedule',
        '/reports/',
        'PUT /api/campaigns/',
        'POST /api/campaigns',
        'GET /api/campaigns/',
        'GET /api/campaigns',
      ]) {
        world.fake.addFault({ kind, matching, retryAfter: 5 });
      }
      const id = await approved();
      await pass(12);
      await expectSentOnce(id);
    },
  );

  it.each(['before its id is stored', 'before its scheduling is'])('survives a kill %s', async (when) => {
    const id = await approved();
    const killed = new Error('killed');
    const dying = {
      ...world.client,
      ...(when === 'before its id is stored'
        ? {
            createCampaign: async (...call: Parameters<MailerLiteClient['createCampaign']>) => {
              await world.client.createCampaign(...call);
              throw killed;
            },
          }
        : {
            scheduleCampaign: async (...call: Parameters<MailerLiteClient['scheduleCampaign']>) => {
              await world.client.scheduleCampaign(...call);
              throw killed;
            },
          }),
    };
    world.clock.advance({ minutes: 5 });
    await expect(runDueWork(JOBS, { ...world.services, mailerlite: dying })).rejects.toThrow('killed');
    only();
    await pass(3);
    await expectSentOnce(id);
  });

  it('is left for a person to finish where the plan takes no content, and followed from there', async () => {
    world.fake.setBehaviour({ contentAllowed: false });
    const id = await approved();
    await pass(6);
    expect(only()).toMatchObject({ status: 'draft', groups: [world.groups.meetings] });
    expect([await step(id), await state(id)]).toEqual(['by_hand', 'sending']);
    expect(await problem(id)).toContain('plan');

    // First they forget the group.
    world.fake.editCampaign({ id: only().id, content: '<p>pasted</p>', groups: [] });
    world.fake.scheduleCampaign({ id: only().id });
    world.clock.advance({ seconds: 20 });
    await work();
    expect(only().status).toBe('draft');
    expect(await state(id)).toBe('held');
    expect(await problem(id)).toContain('to everybody on your list');

    await resumeAnnouncement(database.db, id, by());
    await work();
    expect(only().groups).toEqual([world.groups.meetings]);
    world.fake.scheduleCampaign({ id: only().id });
    await pass(2);
    await expectSentOnce(id);

    // From now on that is said before the next one; and the mails count against the plan.
    const warnings = async () =>
      planWarnings(database.db, await readSettings(database.db), {
        clock: world.clock,
        zone: 'Europe/London',
      });
    expect(await warnings()).toEqual([expect.stringContaining('a person has to paste it in')]);
    await changeSetting(database.db, 'mailerlitePlanMails', '1', by());
    expect((await warnings())[0]).toMatch(/^\d+ of the 1 mails that your MailerLite plan allows this month/);
    world.clock.advance({ hours: 24 * 31 });
    expect(await warnings()).toHaveLength(1);
  });

  it.each([
    ['the audience', { groups: [] }, 'to everybody on your list'],
    ['another group', { groups: ['training'] }, 'to other people'],
    ['the text', { content: '<p>Something else</p>' }, 'not what was approved'],
    ['the subject', { subject: 'Something else' }, 'not what was approved'],
  ])('is put on hold when somebody changes %s by hand, and written anew', async (_, edit, words) => {
    const id = await approved();
    world.clock.advance({ minutes: 4 });
    await runDueWork([freeze], world.services);
    world.clock.advance({ minutes: 1 });
    await mailerliteCampaign.run(
      { announcementId: id },
      { ...world.services, signal: new AbortController().signal },
    );
    expect(await step(id)).toBe('written');
    const groups = 'groups' in edit ? edit.groups?.map(() => world.groups.training) : undefined;
    world.fake.editCampaign({ id: only().id, ...edit, ...(groups === undefined ? {} : { groups }) });
    await work();
    expect(only().status).toBe('draft');
    expect([await state(id), await problem(id)]).toEqual(['held', expect.stringContaining(words)]);
    expect((await findAnnouncement(database.db, id)).stateReason).toContain(words);
    const mails = await database.db.select().from(serviceMails).where(eq(serviceMails.kind, 'run-held'));
    expect(mails).toHaveLength(1);

    await resumeAnnouncement(database.db, id, by());
    await pass(3);
    await expectSentOnce(id);
  });

  it('takes a new name for no edit, and a deletion for a reason to ask', async () => {
    const id = await approved({ sendAt: '2026-11-02T12:00' });
    await pass(6);
    world.fake.editCampaign({ id: only().id, name: 'My own name' });
    world.clock.advance({ minutes: 10 });
    await work();
    expect(await state(id)).toBe('approved');

    world.fake.deleteCampaign({ id: only().id });
    world.clock.advance({ minutes: 10 });
    await work();
    expect([await state(id), await problem(id)]).toEqual(['held', expect.stringContaining('deleted')]);
    await resumeAnnouncement(database.db, id, by());
    world.clock.set('2026-11-02T12:00:00Z');
    await pass(3);
    await expectSentOnce(id);
  });

  it('is followed when somebody sends it in MailerLite before its time', async () => {
    const id = await approved({ sendAt: '2026-11-02T12:00' });
    await pass(6);
    world.fake.scheduleCampaign({ id: only().id });
    await pass(15);
    await expectSentOnce(id);
    expect(await problem(id)).toContain('sent in MailerLite by somebody');
  });

  it('is not sent while MailerLite counts other people than there are here', async () => {
    const id = await approved();
    await pass(4);
    for (let n = 0; n < 5; n++) {
      world.fake.createSubscriber({ email: `added${n}@example.org`, groups: [world.groups.meetings] });
    }
    await pass(2);
    expect([only().status, await state(id)]).toEqual(['draft', 'held']);
    expect(await problem(id)).toContain('to 11 people, but 6 are in the audience here');
  });

  it('stops for a hold, goes on after it, and is removed when it is cancelled', async () => {
    const id = await approved();
    await pass(5);
    expect(only().status).toBe('ready');
    await holdAnnouncement(database.db, id, null, by());
    await work();
    expect([only().status, await step(id)]).toEqual(['draft', 'write']);
    await pass(3);
    await resumeAnnouncement(database.db, id, by());
    await work();
    expect(only().status).toBe('ready');
    await cancelAnnouncement(database.db, id, null, by());
    await work();
    expect(world.fake.campaigns()).toEqual([]);
    expect([await step(id), await state(id)]).toEqual(['withdrawn', 'cancelled']);
    expect(await books(id)).toMatchObject({ cancelled: 6, sent: 0 });
  });

  it.each<Fault['kind']>(['rate_limited', 'server_error', 'dropped_after'])(
    'is taken back and removed although each of these meets the fault %s',
    async (kind) => {
      const id = await approved();
      await pass(5);
      for (const matching of ['/cancel', 'DELETE ']) world.fake.addFault({ kind, matching, retryAfter: 5 });
      const workAgain = async () => {
        await work();
        world.clock.advance({ seconds: 11 });
        await work();
      };
      await holdAnnouncement(database.db, id, null, by());
      await workAgain();
      expect([only().status, await step(id)]).toEqual(['draft', 'write']);
      await cancelAnnouncement(database.db, id, null, by());
      await workAgain();
      expect(world.fake.campaigns()).toEqual([]);
      expect([await step(id), await state(id)]).toEqual(['withdrawn', 'cancelled']);
      expect(await books(id)).toMatchObject({ cancelled: 6, sent: 0 });
    },
  );

  it('that was sent before a cancel could reach MailerLite is on record as sent', async () => {
    const id = await approved();
    await pass(5);
    world.fake.advance({ seconds: 61 });
    await cancelAnnouncement(database.db, id, null, by());
    await pass(1);
    expect(await books(id)).toMatchObject({ cancelled: 0, sent: 6 });
    expect(await problem(id)).toContain('before it could be taken back');
  });

  it('leaves nothing in MailerLite of a text that is changed, and goes by one channel only', async () => {
    const id = await approved({ sendAt: '2026-11-02T12:00' });
    await pass(6);
    const before = only().id;
    const editing = { ...by(), zone: 'Europe/London' };
    await expect(editDraft(database.db, id, draftInput({ channel: 'smtp' }), editing)).rejects.toMatchObject({
      code: 'conflict',
    });
    await editDraft(database.db, id, draftInput({ body: 'Better.', sendAt: '2026-11-02T12:00' }), editing);
    await expect(deleteDraft(database.db, id, by())).rejects.toMatchObject({ code: 'conflict' });
    await work();
    expect(world.fake.campaigns()).toEqual([]);
    await approve(id);
    await pass(6);
    expect(only().id).not.toBe(before);
    expect(only().email.content).toContain('Better.');
    const byMail = database.db.update(announcements).set({ channel: 'smtp' }).where(eq(announcements.id, id));
    await expect(byMail).rejects.toThrow();
    world.clock.set('2026-11-02T12:00:00Z');
    await pass(3);
    await expectSentOnce(id);
    await expect(
      database.db.execute(sql`update campaigns set channel = 'smtp' where announcement_id = ${id}`),
    ).rejects.toThrow();
  });

  it('needs a group for its topic, and the whole topic as its audience', async () => {
    const refused = approved({ topic: 'news' });
    await expect(refused).rejects.toMatchObject({ code: 'wrong_state' });
    const { announcement } = await createDraft(database.db, draftInput({ channel: 'smtp' }), {
      ...by(),
      zone: 'Europe/London',
    });
    await expect(
      createDraft(
        database.db,
        draftInput(),
        { ...by(), zone: 'Europe/London' },
        { kind: 'missed', of: announcement.id },
      ),
    ).rejects.toMatchObject({ code: 'invalid_input' });
  });
});
