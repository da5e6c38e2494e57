import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { joinRequests, serviceMails } from '../../src/db/schema.ts';
import { addSubscriber, findSubscriber, removeSubscriber } from '../../src/subscribers/subscribers.ts';
import { recordAsText, subscriberRecord } from '../../src/subscribers/subscriber-record.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { forgedLink } from '../support/forged-link.ts';
import { Browser, openSite, setUpGroup, type Site } from './site.ts';

let database: OpenDatabase;
let site: Site;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  site = await openSite(database);
  await setUpGroup(site);
  return () => site.app.close();
});

const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };
const GOOD =
  'email=Bea%40example.org&name=Bea&memberKind=student&topics=meetings&topics=news&declaration=yes';
const join = (payload = GOOD, url = '/join') =>
  site.app.inject({ method: 'POST', url, headers: { ...urlencoded, 'user-agent': 'A browser' }, payload });
const mails = async () => (await database.db.select().from(serviceMails)).map(({ kind }) => kind);
const context = () => ({ clock: site.clock, addressHash: site.deps.addressHash, actor: 'test' });

async function confirmLink(): Promise<string> {
  const [request] = await database.db.select().from(joinRequests);
  return new URL(site.deps.links.confirmUrl(request!.id, request!.expiresAt)).pathname;
}

describe('the form to join', () => {
  it('shows a choice per topic with its wording, and ticks none', async () => {
    const { body, statusCode, cookies } = await site.app.inject('/join');
    expect(statusCode).toBe(200);
    expect(cookies).toEqual([]);
    for (const topic of ['meetings', 'training', 'vacancies', 'news']) {
      expect(body).toContain(`id="topic-${topic}"`);
    }
    expect(body).toContain('I agree that Northfield Therapy Partnership e-mails me about training');
    expect(body).not.toContain(' checked');
  });

  it('says at every field what is wrong, and keeps what was typed', async () => {
    const answer = await join('email=bea%40&name=Bea+Long&memberKind=&hcpcNumber=12&website=');
    expect(answer.statusCode).toBe(422);
    expect(answer.body).toContain('value="Bea Long"');
    expect(answer.body).toContain('value="bea@"');
    for (const id of ['email', 'memberKind', 'hcpcNumber', 'topics', 'declaration']) {
      expect(answer.body).toContain(`href="#${id}"`);
      expect(answer.body).toContain(`id="${id}-problem"`);
    }
    expect(await mails()).toEqual([]);
  });

  it('answers the same whether or not the address is known', async () => {
    const added = await addSubscriber(
      database.db,
      { email: 'cara@example.org', topics: ['news'] },
      context(),
    );
    await removeSubscriber(
      database.db,
      {
        id: (await addSubscriber(database.db, { email: 'dan@example.org', topics: ['news'] }, context())).id,
        reason: 'x',
      },
      context(),
    );
    const bodies = [];
    for (const email of ['bea', 'cara', 'dan']) {
      const { body, statusCode } = await join(GOOD.replace('Bea%40', `${email}%40`));
      expect(statusCode).toBe(200);
      bodies.push(body.replaceAll(`${email}@example.org`, 'X'));
    }
    expect(new Set(bodies).size).toBe(1);
    expect((await findSubscriber(database.db, added.id))!.topics).toEqual(['news']);
    expect((await mails()).toSorted()).toEqual([
      'already-joined',
      'confirm-subscription',
      'removed-asks-to-join',
    ]);
  });

  it('lets machines believe that it worked', async () => {
    const answer = await join(`${GOOD}&website=https%3A%2F%2Fspam.example`);
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('Look in your inbox');
    expect(await mails()).toEqual([]);
  });

  it('takes so many forms of one address and no more', async () => {
    for (let turn = 0; turn < 30; turn += 1) await join('email=');
    const answer = await join();
    expect(answer.statusCode).toBe(429);
    expect(await mails()).toEqual([]);
  });

  it('remembers who has invited somebody', async () => {
    const host = await addSubscriber(database.db, { email: 'host@example.org', topics: ['news'] }, context());
    const until = site.clock.now().add({ hours: 1 });
    const invite = new URL(site.deps.links.inviteUrl(host.id, until)).pathname;
    expect((await site.app.inject(invite)).body).toContain('A member of the group has invited you');
    await join(GOOD, invite);
    const [request] = await database.db.select().from(joinRequests);
    expect(request!.invitedBy).toBe(host.id);
    await site.app.inject({ method: 'POST', url: await confirmLink(), headers: urlencoded, payload: '' });
    const browser = new Browser(site);
    await browser.signIn('administrator@example.org');
    const { body } = await browser.get(
      `/admin/subscribers/${(await findSubscriber(database.db, 'bea@example.org'))!.id}`,
    );
    expect(body).toContain(`<a href="/admin/subscribers/${host.id}">host@example.org</a>`);
    expect(body).toContain('“I am an occupational therapist or a student');
    const record = recordAsText(await subscriberRecord(database.db, 'bea@example.org'), {
      zone: 'Europe/London',
    });
    expect(record).toContain('Invited by: another member');
    expect(record).toContain('What you declared: I am an occupational therapist');
    site.clock.advance({ hours: 2 });
    expect((await site.app.inject(invite)).body).toContain('This invitation has run out');
    expect((await site.app.inject(forgedLink(invite))).statusCode).toBe(404);
  });
});

describe('the link that confirms', () => {
  it.each(['GET', 'HEAD'] as const)('changes nothing by %s', async (method) => {
    await join();
    const link = await confirmLink();
    for (let visit = 0; visit < 2; visit += 1) {
      expect((await site.app.inject({ method, url: link })).statusCode).toBe(200);
    }
    const [request] = await database.db.select().from(joinRequests);
    expect(request!.confirmedAt).toBeNull();
  });

  it('puts the person on the list by its button, with the wording that was shown', async () => {
    await join();
    const link = await confirmLink();
    const shown = await site.app.inject(link);
    expect(shown.body).toContain('B…a@example.org');
    expect(shown.body).toContain('meetings and news');
    site.clock.advance({ minutes: 5 });
    const answer = await site.app.inject({ method: 'POST', url: link, headers: urlencoded, payload: '' });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('You are on the list');
    const record = await subscriberRecord(database.db, 'bea@example.org');
    expect(record.person).toMatchObject({ state: 'active', name: 'Bea', memberKind: 'student' });
    expect(record.consent.map(({ act, wording }) => `${act} ${wording}`).toSorted()).toEqual([
      'given meetings@1',
      'given news@1',
    ]);
    const again = await site.app.inject({ method: 'POST', url: link, headers: urlencoded, payload: '' });
    expect(again.statusCode).toBe(200);
    expect((await subscriberRecord(database.db, 'bea@example.org')).consent).toHaveLength(2);
  });

  it('says kindly when its time is over or it is broken', async () => {
    await join();
    const link = await confirmLink();
    expect((await site.app.inject(forgedLink(link))).body).toContain('fill in the form once more');
    site.clock.advance({ hours: 24 * 15 });
    const late = await site.app.inject({ method: 'POST', url: link, headers: urlencoded, payload: '' });
    expect(late.statusCode).toBe(409);
    expect(late.body).toContain('fill in the form once more');
  });
});

describe('what the group tells everybody', () => {
  it('shows privacy notice and policy, and leads there from every page', async () => {
    const privacy = await site.app.inject('/privacy');
    expect(privacy.body).toContain('Northfield Therapy Partnership runs Northfield OT Network');
    expect(privacy.body).toContain('Your details: as long as you are on the list');
    expect(privacy.body).toContain('A request to join that was never confirmed: 14 days');
    const policy = await site.app.inject('/policy');
    expect(policy.body).toContain('for occupational therapists');
    for (const address of ['/policy', '/privacy', '/complaint', '/join']) {
      expect(policy.body).toContain(`href="${address}"`);
    }
  });

  it('takes in a complaint and gives it a number', async () => {
    const send = (payload: string) =>
      site.app.inject({ method: 'POST', url: '/complaint', headers: urlencoded, payload });
    const wrong = await send('text=&email=nonsense&name=Eve');
    expect(wrong.statusCode).toBe(422);
    expect(wrong.body).toContain('value="Eve"');
    const right = await send('text=Too+much+mail&email=eve%40example.org');
    expect(right.body).toMatch(/C2027-[A-Z0-9]{6}/);
    expect(right.body).toContain('Thursday 11 February 2027');
    expect((await mails()).toSorted()).toEqual(['complaint-arrived', 'complaint-received']);
  });
});
