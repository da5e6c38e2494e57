import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { editItem, expireItems, withdrawItem } from '../../src/announcements/bulletins-items.ts';
import { rows, type OpenDatabase } from '../../src/db/open.ts';
import { auditLog, items, itemSubmitters, serviceMails } from '../../src/db/schema.ts';
import { possibleDuplicates } from '../../src/noticeboard/duplicates.ts';
import { itemFormValues } from '../../src/noticeboard/item-form.ts';
import { parseItemInput } from '../../src/noticeboard/item-input.ts';
import { listItems } from '../../src/noticeboard/item-list.ts';
import { findItem, isOpen, itemHistory, SUBMITTER, type Item } from '../../src/noticeboard/items.ts';
import { addItem, approveItem, askSubmitter, rejectItem } from '../../src/noticeboard/moderation.ts';
import { forgetSubmitter, itemsHandedInBy, purgeNoticeboard } from '../../src/noticeboard/retention.ts';
import { answerQuestion, confirmItem, submitItem } from '../../src/noticeboard/submission.ts';
import { termsFor } from '../../src/noticeboard/terms.ts';
import { parseEmailAddress } from '../../src/kernel/email-address.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { AGREEMENT, approved, confirmed, handIn, input, NO_TERMS } from './handing-in.ts';

const clock = new ManualClock('2027-06-01T12:00:00Z');
const context = { clock, actor: 'admin:1', settings: NO_TERMS };
let database: OpenDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock.set('2027-06-01T12:00:00Z');
});

const queued = async () =>
  (await database.db.select().from(serviceMails).orderBy(serviceMails.id)).map(({ kind }) => kind);

const acts = async (item: Item) =>
  (await itemHistory(database.db, item.id)).map(({ kind }) => kind).reverse();

/** Moves the clock a little, so that what comes now is later than what came before. */
const later = () => clock.advance({ minutes: 1 });

const open = (filter: Parameters<typeof listItems>[1] = {}) =>
  listItems(database.db, { open: true, ...filter }, { clock });

describe('an item that is handed in', () => {
  it('is seen by nobody before its address is confirmed, and by the administrators alone before they agree', async () => {
    const { db } = database;
    const item = await handIn(db, clock, 'vacancy');
    expect(item.state).toBe('submitted');
    expect(await queued()).toEqual(['confirm-item']);
    later();
    expect((await confirmItem(db, item.id, { clock })).state).toBe('awaiting_review');
    later();
    expect((await confirmItem(db, item.id, { clock })).state).toBe('awaiting_review');
    expect(await queued()).toEqual(['confirm-item', 'item-review']);
    expect(await open()).toEqual([]);
    later();
    const done = await approveItem(db, item.id, AGREEMENT, context);
    expect(done).toMatchObject({
      state: 'approved',
      agreedBy: 'admin:1',
      agreement: 'Free of charge, no recommendation.',
    });
    expect(done.agreedAt?.equals(clock.now())).toBe(true);
    expect(await queued()).toEqual(['confirm-item', 'item-review', 'item-decision']);
    expect((await open()).map(({ id }) => id)).toEqual([item.id]);
    expect(await acts(item)).toEqual(['submitted', 'confirmed', 'approved']);
    const [noted] = await db.select().from(auditLog);
    expect(noted).toMatchObject({ actor: 'admin:1', action: 'item.approved', subject: item.id });
  });

  it('does not let a stranger flood somebody’s mailbox', async () => {
    for (let n = 0; n < 5; n++) await handIn(database.db, clock, 'request');
    await expect(handIn(database.db, clock, 'request', {}, 'SAM@hospital.example')).rejects.toMatchObject({
      code: 'too_many_requests',
    });
    await handIn(database.db, clock, 'request', {}, 'else@hospital.example');
    expect(await queued()).toHaveLength(6);
  });

  it('is decided about once, whoever decides at the same time', async () => {
    const { db } = database;
    const item = await confirmed(db, clock, 'training');
    const results = await Promise.allSettled([
      approveItem(db, item.id, AGREEMENT, context),
      approveItem(db, item.id, AGREEMENT, { ...context, actor: 'admin:2' }),
      rejectItem(db, item.id, 'Not for us.', context),
    ]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'wrong_state' });
    }
    expect((await queued()).filter((kind) => kind === 'item-decision')).toHaveLength(1);
  });

  it('can be asked about, answered with a correction, and is decided about then', async () => {
    const { db } = database;
    const item = await confirmed(db, clock, 'vacancy');
    later();
    await askSubmitter(db, item.id, 'Is it open to\r\nnew graduates?', context);
    await expect(answerQuestion(db, item.id, { answer: ' ' }, { clock })).rejects.toThrow('answer');
    later();
    const answered = await answerQuestion(
      db,
      item.id,
      { answer: 'Yes.', input: input(clock, 'vacancy', { pay: 'Band 5 or 6' }) },
      { clock },
    );
    expect(answered).toMatchObject({ state: 'awaiting_review', pay: 'Band 5 or 6', sequence: 1 });
    await expect(answerQuestion(db, item.id, { answer: 'Again.' }, { clock })).rejects.toMatchObject({
      code: 'wrong_state',
    });
    // Who decides about what they saw before the answer is told so.
    await expect(approveItem(db, item.id, { ...AGREEMENT, seen: 0 }, context)).rejects.toMatchObject({
      code: 'conflict',
    });
    later();
    await approveItem(db, item.id, { ...AGREEMENT, seen: 1 }, context);
    expect(await queued()).toEqual([
      'confirm-item',
      'item-review',
      'item-decision',
      'item-review',
      'item-decision',
    ]);
  });

  it('is turned down with a reason, which must be given', async () => {
    const { db } = database;
    const item = await confirmed(db, clock, 'request');
    await expect(rejectItem(db, item.id, '', context)).rejects.toThrow('reason: must not be empty');
    expect(await rejectItem(db, item.id, 'Outside the UK.', context)).toMatchObject({
      state: 'rejected',
      stateReason: 'Outside the UK.',
    });
    await expect(approveItem(db, item.id, AGREEMENT, context)).rejects.toThrow('It was rejected');
  });

  it('is taken down by its own sender without a mail to them, by an administrator with one', async () => {
    const { db } = database;
    const own = await approved(db, clock, 'vacancy');
    await withdrawItem(db, own.id, '', { clock, actor: SUBMITTER });
    expect((await queued()).filter((kind) => kind === 'item-decision')).toHaveLength(1);
    const other = await approved(db, clock, 'training');
    await withdrawItem(db, other.id, 'Cancelled by the provider.', context);
    expect((await queued()).filter((kind) => kind === 'item-decision')).toHaveLength(3);
    expect(await open()).toEqual([]);
  });

  it('of an administrator is published at once and asks nobody', async () => {
    const item = await addItem(database.db, { input: input(clock, 'training'), ...AGREEMENT }, context);
    expect(item).toMatchObject({ state: 'approved', agreedBy: 'admin:1' });
    expect(await queued()).toEqual([]);
    await withdrawItem(database.db, item.id, '', context);
    expect(await queued()).toEqual([]);
  });
});

describe('a form for a change', () => {
  it('holds what was said before, so that saving it changes nothing', async () => {
    const { db } = database;
    const days = { start: '', end: '', dates: '2027-06-22, 2027-06-29', place: 'Leeds', link: '' };
    const all = [
      await approved(db, clock, 'vacancy'),
      await approved(db, clock, 'training'),
      await approved(db, clock, 'training', { title: 'Two days', contact: '0113 496 0000', ...days }),
      await approved(db, clock, 'request'),
    ];
    for (const item of all) {
      const read = parseItemInput(item.kind, itemFormValues(item), {
        now: clock.now(),
        zone: 'Europe/London',
      });
      expect(await editItem(db, item.id, { input: read }, context)).toEqual(item);
    }
  });
});

describe('the terms of business of vacancies', () => {
  const settings = { vacancyTerms: 'Our introduction fee is 10% of the first salary.' };
  const hand = (terms: string | null) =>
    submitItem(
      database.db,
      {
        input: input(clock, 'vacancy'),
        submitter: { address: parseEmailAddress('hr@hospital.example') },
        terms,
      },
      { clock, settings },
    );

  it('must be accepted in the version that is in force, and the version is kept with the item', async () => {
    const { db } = database;
    const shown = await termsFor(db, 'vacancy', settings, { clock });
    expect(shown?.text).toBe(settings.vacancyTerms);
    await expect(hand(null)).rejects.toThrow('terms: must be accepted');
    const item = await hand(shown!.id);
    expect(item).toMatchObject({ terms: 'vacancy-terms@1', termsAcceptedHow: 'with the form' });
    const changed = { vacancyTerms: 'Our introduction fee is 12%.' };
    const newer = await termsFor(db, 'vacancy', changed, { clock });
    expect(newer?.id).toBe('vacancy-terms@2');
    await expect(
      submitItem(
        db,
        {
          input: input(clock, 'vacancy'),
          submitter: { address: parseEmailAddress('hr@hospital.example') },
          terms: shown!.id,
        },
        { clock, settings: changed },
      ),
    ).rejects.toThrow('have changed since you opened the form');
    expect(await termsFor(db, 'training', settings, { clock })).toBeUndefined();
  });

  it('that were accepted elsewhere are recorded by whoever approves', async () => {
    const { db } = database;
    const item = await confirmed(db, clock, 'vacancy');
    const strict = { ...context, settings };
    await expect(approveItem(db, item.id, AGREEMENT, strict)).rejects.toThrow('termsAcceptedHow');
    const how = { ...AGREEMENT, termsAcceptedHow: 'by e-mail on 31 May' };
    expect(await approveItem(db, item.id, how, strict)).toMatchObject({
      terms: 'vacancy-terms@1',
      termsAcceptedHow: 'by e-mail on 31 May',
    });
  });
});

describe('a second item like an earlier one', () => {
  it('is flagged when it is confirmed, with the earlier one', async () => {
    const { db } = database;
    const first = await approved(db, clock, 'vacancy');
    const again = await confirmed(
      db,
      clock,
      'vacancy',
      {
        role: 'OT (Band 6)',
        employer: 'Example Teaching Hospital NHS Trust',
        link: 'https://elsewhere.example/9',
      },
      'agency@example.org',
    );
    expect(again.duplicateOf).toBe(first.id);
    expect((await possibleDuplicates(db, again, { clock })).map(({ item }) => item.id)).toEqual([first.id]);
    const other = await confirmed(
      db,
      clock,
      'vacancy',
      { role: 'Team lead, Band 8a', link: '' },
      'x@example.org',
    );
    expect(other.duplicateOf).toBeNull();
  });

  it('is not flagged for what was never confirmed or was taken back', async () => {
    const { db } = database;
    await handIn(db, clock, 'training');
    const gone = await approved(db, clock, 'training', {}, 'b@example.org');
    await withdrawItem(db, gone.id, '', { clock, actor: SUBMITTER });
    expect((await confirmed(db, clock, 'training', {}, 'c@example.org')).duplicateOf).toBeNull();
  });

  it('is looked for anew when the item is changed', async () => {
    const { db } = database;
    const first = await approved(db, clock, 'vacancy');
    const second = await approved(db, clock, 'vacancy', { role: 'Team lead', link: '' }, 'b@example.org');
    const changed = await editItem(db, second.id, { input: input(clock, 'vacancy') }, context);
    expect(changed.duplicateOf).toBe(first.id);
    expect(changed.sequence).toBe(1);
    expect(await editItem(db, second.id, { input: input(clock, 'vacancy') }, context)).toEqual(changed);
  });
});

describe('the last day', () => {
  it.each([
    ['when the clocks go forward', '2027-03-27', '2027-03-28T00:00:00Z'],
    ['on the day after they went forward', '2027-03-28', '2027-03-28T23:00:00Z'],
    ['when the clocks go back', '2027-10-30', '2027-10-30T23:00:00Z'],
    ['on the day on which they went back', '2027-10-31', '2027-11-01T00:00:00Z'],
  ])('ends at midnight in the UK %s', async (_, closingDate, end) => {
    const { db } = database;
    clock.set(Temporal.Instant.from(end).subtract({ hours: 240 }));
    const item = await approved(db, clock, 'vacancy', { closingDate });
    clock.set(Temporal.Instant.from(end).subtract({ seconds: 1 }));
    expect(await open()).toHaveLength(1);
    expect(await expireItems(db, { clock })).toBe(0);
    clock.set(end);
    // Off the noticeboard to the second, also while no worker runs.
    expect(await open()).toEqual([]);
    expect(isOpen(await findItem(db, item.id), clock.now())).toBe(false);
    expect(await expireItems(db, { clock })).toBe(1);
    expect(await findItem(db, item.id)).toMatchObject({ state: 'expired' });
    expect(await expireItems(db, { clock })).toBe(0);
  });

  it('ends a training event with its end, and what still waits for a decision with it', async () => {
    const { db } = database;
    await approved(db, clock, 'training');
    await confirmed(db, clock, 'training', { title: 'Another course', link: 'https://x.example' });
    clock.set('2027-06-16T19:29:59Z');
    expect(await expireItems(db, { clock })).toBe(0);
    clock.set('2027-06-16T19:30:00Z');
    expect(await expireItems(db, { clock })).toBe(2);
  });

  it('cannot be over when an item is approved', async () => {
    const item = await confirmed(database.db, clock, 'vacancy', { closingDate: '2027-06-01' });
    clock.set('2027-06-01T23:00:00Z');
    await expect(approveItem(database.db, item.id, AGREEMENT, context)).rejects.toThrow('last day is over');
  });
});

describe('the noticeboard', () => {
  it('is filtered and paged, soonest first', async () => {
    const { db } = database;
    for (let n = 1; n <= 5; n++) {
      await approved(
        db,
        clock,
        'vacancy',
        {
          role: `Post ${n}`,
          place: n % 2 ? 'Leeds' : 'York',
          closingDate: `2027-07-0${6 - n}`,
          link: `https://x.example/${n}`,
        },
        `p${n}@example.org`,
      );
    }
    await approved(db, clock, 'training');
    const titles = async (filter: Parameters<typeof listItems>[1]) =>
      (await open(filter)).map(({ title }) => title);
    expect(await titles({})).toEqual([
      'Splinting the wrist',
      'Post 5',
      'Post 4',
      'Post 3',
      'Post 2',
      'Post 1',
    ]);
    expect(await titles({ kinds: ['vacancy'], place: 'YOR' })).toEqual(['Post 4', 'Post 2']);
    expect(await titles({ online: true })).toEqual(['Splinting the wrist']);
    expect(await titles({ text: 'leeds post' })).toEqual(['Post 5', 'Post 3', 'Post 1']);
    expect(await titles({ text: '100%' })).toEqual([]);
    expect(await titles({ order: 'newest', limit: 2 })).toHaveLength(2);
    const seen: string[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await open({ limit: 2, ...(after ? { after } : {}) });
      if (page.length === 0) break;
      seen.push(...page.map(({ title }) => title));
      after = page.at(-1)!.id;
    }
    expect(seen).toEqual(await titles({}));
    clock.set('2027-07-03T12:00:00Z');
    expect(await titles({})).toEqual(['Post 3', 'Post 2', 'Post 1']);
    expect(await listItems(db, { open: false }, { clock })).toHaveLength(3);
  });
});

describe('what is kept of an item', () => {
  const settings = {
    retentionItemsUnconfirmed: { days: 7 },
    retentionSubmitters: { days: 90 },
    retentionItems: { months: 24 },
  } as const;
  const purge = () => purgeNoticeboard(database.db, { clock, settings });

  it('goes step by step: what was never confirmed, then the address, then the item', async () => {
    const { db } = database;
    const unconfirmed = await handIn(db, clock, 'request');
    const item = await approved(db, clock, 'training');
    clock.set('2027-06-08T12:00:00Z');
    expect(await purge()).toEqual({ unconfirmed: 0, submitters: 0, items: 0 });
    clock.set('2027-06-08T12:00:01Z');
    expect(await purge()).toEqual({ unconfirmed: 1, submitters: 0, items: 0 });
    await expect(confirmItem(db, unconfirmed.id, { clock })).rejects.toThrow('not confirmed in time');
    clock.set('2027-06-16T20:00:00Z');
    await expireItems(db, { clock });
    clock.set('2027-09-14T20:00:00Z');
    expect((await purge()).submitters).toBe(0);
    clock.set('2027-09-14T20:00:01Z');
    expect((await purge()).submitters).toBe(1);
    expect(await db.select().from(itemSubmitters)).toEqual([]);
    clock.set('2029-06-16T20:00:01Z');
    expect(await purge()).toEqual({ unconfirmed: 0, submitters: 0, items: 1 });
    const [left] = await rows<{ n: number }>(db, sql`select count(*)::int as n from item_reviews`);
    expect(left!.n).toBe(0);
    await expect(findItem(db, item.id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('forgets a person who asks, and can show them what they handed in', async () => {
    const { db } = database;
    await handIn(db, clock, 'request');
    const item = await confirmed(db, clock, 'vacancy');
    expect(await itemsHandedInBy(db, 'sam@hospital.example')).toHaveLength(2);
    await forgetSubmitter(db, 'sam@hospital.example');
    expect(await itemsHandedInBy(db, 'sam@hospital.example')).toEqual([]);
    expect((await db.select({ id: items.id }).from(items)).map(({ id }) => id)).toEqual([item.id]);
    await expect(askSubmitter(db, item.id, 'When?', context)).rejects.toThrow('no address');
  });
});
