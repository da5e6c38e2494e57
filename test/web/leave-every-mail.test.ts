import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { templatesFolder } from '../../src/kernel/paths.ts';
import { mailSamples } from '../../src/render/samples.ts';
import { fillSlots } from '../../src/render/slots.ts';
import { whenNothingIsUnderWay } from '../../src/subscribers/opt-out.ts';
import { addSubscriber, findSubscriber } from '../../src/subscribers/subscribers.ts';
import { pendingDelivery } from '../subscribers/people.ts';
import { openTestDatabase } from '../support/database.ts';
import { openSite, setUpGroup, type Site } from './site.ts';

let database: OpenDatabase;
let site: Site;

beforeAll(async () => {
  database = await openTestDatabase();
  site = await openSite(database);
  await setUpGroup(site);
});
afterAll(async () => {
  await site.app.close();
  await database.close();
});

let count = 0;
async function somebody() {
  const { clock, addressHash } = site.deps;
  count += 1;
  const added = await addSubscriber(
    database.db,
    { email: `person${count}@example.org`, topics: ['meetings', 'news'] },
    { clock, addressHash, actor: 'test' },
  );
  site.clock.advance({ minutes: 1 });
  return added;
}

/** One sample of each kind that goes to people about a topic: those are the kinds with the link. */
const SAMPLES = [...new Map(mailSamples(templatesFolder).map((sample) => [sample.kind, sample])).values()];

describe('the unsubscribe link of a mail', () => {
  it.each(SAMPLES)('of kind $kind leads out, in HTML and in plain text', async ({ kind, model }) => {
    const { links, renderer } = site.deps;
    const { id } = await somebody();
    const unsubscribeUrl = links.unsubscribeUrl(id, crypto.randomUUID());
    const mail = fillSlots(renderer.mail(kind, model), {
      greetingName: null,
      unsubscribeUrl,
      preferencesUrl: links.preferencesUrl(id),
      rsvpUrl: 'https://convenor.example/answer',
    });
    const found = [mail.html, mail.text].map((body) => /https?:\/\/[^\s"<>]+\/u\/[\w-]+/.exec(body)?.[0]);
    if (found.every((link) => link === undefined)) {
      expect(mail.text).not.toMatch(/unsubscribe/i);
      return;
    }
    expect(found).toEqual([unsubscribeUrl, unsubscribeUrl]);
    const { pathname } = new URL(unsubscribeUrl);
    await site.app.inject(pathname);
    expect((await findSubscriber(database.db, id))!.topics).toEqual(['meetings', 'news']);
    const answer = await site.app.inject({ method: 'POST', url: pathname });
    expect(answer.statusCode).toBe(200);
    expect((await findSubscriber(database.db, id))!.topics).toEqual([]);
  });
});

describe('an answer to an opt-out', () => {
  const settle = (delivery: string, state: string) =>
    database.db.execute(sql`
      update deliveries set state = ${state}, settled_at = now(), claimed_at = coalesce(claimed_at, now())
      where id = ${delivery}`);

  it('comes after a message that is in the hands of a worker', async () => {
    const person = await somebody();
    const delivery = await pendingDelivery(database.db, person);
    await database.db.execute(
      sql`update deliveries set state = 'sending', claimed_at = now() where id = ${delivery}`,
    );
    let answered = false;
    const answer = site.app
      .inject({ method: 'POST', url: new URL(site.deps.links.unsubscribeUrl(person.id)).pathname })
      .then((response) => {
        answered = true;
        return response;
      });
    expect(await whenNothingIsUnderWay(database.db, person.id, { patienceMs: 400 })).toBe(false);
    expect(answered).toBe(false);
    expect((await findSubscriber(database.db, person.id))!.topics).toEqual([]);
    await settle(delivery, 'sent');
    expect((await answer).statusCode).toBe(200);
    expect(await whenNothingIsUnderWay(database.db, person.id)).toBe(true);
  });
});
