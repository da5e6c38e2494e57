import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { rows } from '../../src/db/open.ts';
import { fileSource, importSubscribers, type ImportProgress } from '../../src/subscribers/import.ts';
import { verifyLedger } from '../../src/subscribers/ledger-verify.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { countSubscribers, searchSubscribers } from '../../src/subscribers/subscriber-search.ts';
import { findSubscriber, removeSubscriber } from '../../src/subscribers/subscribers.ts';
import { suppressAddress } from '../../src/subscribers/suppressions.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, useTestDatabase } from '../support/database.ts';
import { addressHash, someone } from './people.ts';

const database = useTestDatabase();
let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock('2026-11-01T12:00:00Z');
});

const context = () => ({ clock, actor: 'cli', addressHash });

/** A file that comes in pieces of a few bytes, so that every border between pieces is met. */
function source(content: string | Uint8Array, piece = 7) {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return {
    name: 'people.csv',
    async *open() {
      for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
    },
  };
}

const load = (content: string | Uint8Array, options = {}) =>
  importSubscribers(database.db, source(content), options, context());
const people = async () => (await searchSubscribers(database.db, { limit: 1000 })).subscribers;

describe('a file', () => {
  it('has its columns in any order and under many names; others are left alone', async () => {
    const result = await load(
      'Shoe size,Last name,E-Mail Address,First Name,Topics,Member type\n' +
        '38,Müller,Anna@Example.org,Anna,"meetings; training",OT\n' +
        '40,,ben@example.org,Ben,,Student\n',
    );
    expect(result).toEqual({ read: 2, added: 2, updated: 0, unchanged: 0, rejected: [] });
    expect(await people()).toMatchObject([
      {
        email: 'Anna@Example.org',
        name: 'Anna Müller',
        memberKind: 'occupational_therapist',
        topics: ['meetings', 'training'],
        state: 'active',
      },
      { email: 'ben@example.org', name: 'Ben', memberKind: 'student', topics: ['meetings'] },
    ]);
  });

  it.each([
    ['a byte order mark', '\uFEFFemail,name\nanna@example.org,Zoë\n'],
    ['Windows line ends', 'email,name\r\nanna@example.org,Zoë\r\n'],
    ['old line ends', 'email,name\ranna@example.org,Zoë'],
    ['semicolons', 'name;email\n"Zoë";anna@example.org\n'],
    ['tabs', 'name\temail\nZoë\tanna@example.org\n'],
    ['empty lines', '\n\nemail,name\n\n,\nanna@example.org,Zoë\n\n\n'],
    ['no line end at its end', 'email,name\nanna@example.org,Zoë'],
  ])('may have %s', async (_, content) => {
    for (const piece of [1, 7, 1_000]) {
      await emptyDatabase(database);
      const result = await importSubscribers(database.db, source(content, piece), {}, context());
      expect(result).toMatchObject({ read: 1, added: 1, rejected: [] });
      expect(await people()).toMatchObject([{ email: 'anna@example.org', name: 'Zoë' }]);
    }
  });

  it('may have quotes, commas and line breaks inside a field', async () => {
    const result = await load(
      'email,name\r\n"anna@example.org","Müller, ""Anna""\r\nMaria"\r\nbad,x\r\nben@example.org,Ben "B" Bo\r\n',
    );
    expect(result.rejected).toMatchObject([{ line: 4, email: 'bad' }]);
    expect(await people()).toMatchObject([{ name: 'Müller, "Anna" Maria' }, { name: 'Ben "B" Bo' }]);
  });

  it.each([
    ['nothing', '', /file: is empty/],
    ['only line breaks', '\n\n', /file: is empty/],
    ['only a heading', 'name;email\r\n\r\n;;\r\n', /file: names its columns, but there is nobody in it/],
    [
      'another encoding',
      new Uint8Array([...Buffer.from('email,name\nanna@example.org,Zo'), 0xeb, 0x0a]),
      /UTF-8 \(at or after line 2\)/,
    ],
    [
      'a character cut off at its end',
      new Uint8Array([...Buffer.from('email,name\nanna@example.org,Zo'), 0xc3]),
      /UTF-8/,
    ],
    ['UTF-16', new Uint8Array([0xff, 0xfe, ...Buffer.from('email\nanna@example.org', 'utf16le')]), /UTF-16/],
    ['a spreadsheet', new Uint8Array([0x50, 0x4b, 3, 4, 0, 0, 0]), /spreadsheet/],
    [
      'no column of addresses',
      'name,phone\nAnna,123\n',
      /no column is named "email"; its columns are "name", "phone"/,
    ],
    ['no heading', 'anna@example.org,Anna\nben@example.org,Ben\n', /first line must name the columns/],
    ['two columns of addresses', 'email,e-mail\na@example.org,b@example.org\n', /two columns for the email/],
    ['a quote left open', 'email,name\nanna@example.org,"Anna\nben@example.org,Ben\n', /never closed/],
  ])('with %s changes nothing and says why', async (_, content, reason) => {
    await expect(load(content)).rejects.toThrow(reason);
    await expect(load(content)).rejects.toMatchObject({
      code: 'invalid_input',
      problems: [{ field: 'file' }],
    });
    expect(await countSubscribers(database.db)).toBe(0);
  });

  it('that is wrong only at its end changes nothing', async () => {
    const good = Array.from({ length: 3_000 }, (_, index) => `p${index}@example.org`).join('\n');
    const bytes = new Uint8Array([...Buffer.from(`email\n${good}\n`), 0xff, 0x0a]);
    await expect(load(bytes)).rejects.toThrow(/UTF-8/);
    expect(await countSubscribers(database.db)).toBe(0);
  });

  it('is read from disk, and a missing one is said to be', async () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'convenor-')), 'list.csv');
    await expect(importSubscribers(database.db, fileSource(file), {}, context())).rejects.toThrow(
      /file: cannot be opened \(ENOENT\)/,
    );
    writeFileSync(file, 'email\nanna@example.org\n');
    expect(await importSubscribers(database.db, fileSource(file), {}, context())).toMatchObject({ added: 1 });
    const [event] = await rows<{ note: string; source: string }>(
      database.db,
      sql`select note, source from consent_events`,
    );
    expect(event).toEqual({ note: 'imported from list.csv', source: 'import' });
  });
});

describe('a line', () => {
  it('that cannot be used is reported with its number, address and reason, and the others are applied', async () => {
    const good = Array.from({ length: 49 }, (_, index) => `p${index}@example.org,,,`);
    good.splice(20, 0, 'ann a@example.org,,,');
    const result = await load(`email,name,topics,kind\n${good.join('\n')}\n`);
    expect(result).toEqual({
      read: 50,
      added: 49,
      updated: 0,
      unchanged: 0,
      rejected: [{ line: 22, email: 'ann a@example.org', reason: 'email: has a space in it' }],
    });
  });

  it.each([
    ['anna@example.org,Anna,gardening,', /topics: "gardening" is not a topic; expected meetings/],
    ['anna@example.org,Anna,,nurse', /memberKind: must be/],
    ['anna@example.org,Müller, Anna,meetings,OT', /line: has 5 fields.*quotes/],
    [`anna@example.org,${'x'.repeat(301)},,`, /name: must have at most 300/],
    [',Anna,,', /email: is empty/],
  ])('%j is rejected', async (line, reason) => {
    const result = await load(`email,name,topics,kind\n${line}\n`);
    expect(result).toMatchObject({
      read: 1,
      added: 0,
      rejected: [{ line: 2, reason: expect.stringMatching(reason) }],
    });
  });

  it('for somebody on the list updates what is new and keeps the rest', async () => {
    await load('email,name,topics\nanna@example.org,Anna,meetings\nben@example.org,Ben,\n');
    expect(
      await load('email,name,topics\nANNA@example.org,Anna B.,meetings training\nben@example.org,,\n'),
    ).toEqual({ read: 2, added: 0, updated: 1, unchanged: 1, rejected: [] });
    expect(await people()).toMatchObject([
      { email: 'anna@example.org', name: 'Anna B.', topics: ['meetings', 'training'] },
      { name: 'Ben' },
    ]);
  });

  it('that comes twice is applied like a second import', async () => {
    expect(await load('email,topics\nanna@example.org,\nAnna@Example.org,\nanna@example.org,news\n')).toEqual(
      { read: 3, added: 1, updated: 1, unchanged: 1, rejected: [] },
    );
    expect(await people()).toHaveLength(1);
  });

  it('never brings back who left, was removed, turned a topic off or is on the do-not-mail list', async () => {
    const { db } = database;
    const left = await someone(db, clock, 'left@example.org');
    await unsubscribe(db, { subscriberId: left.id, topic: 'all', source: 'one_click' }, { clock });
    const removed = await someone(db, clock, 'removed@example.org');
    await removeSubscriber(db, { id: removed.id, reason: 'not a therapist' }, context());
    const off = await someone(db, clock, 'off@example.org', ['meetings', 'news']);
    await unsubscribe(db, { subscriberId: off.id, topic: 'news', source: 'preferences' }, { clock });
    await suppressAddress(db, { normalised: 'bounced@example.org', reason: 'bounced' }, context());
    const before = await verifyLedger(db);
    const result = await load(
      'email,topics\nleft@example.org,\nremoved@example.org,\nOff@example.org,meetings news\nbounced@example.org,\n',
    );
    expect(result).toMatchObject({ read: 4, added: 0, updated: 0, unchanged: 0 });
    expect(result.rejected.map(({ email, reason }) => [email, reason])).toEqual([
      ['left@example.org', expect.stringContaining('has left')],
      ['removed@example.org', expect.stringContaining('administrator removed')],
      ['Off@example.org', expect.stringContaining('does not want mail about news')],
      ['bounced@example.org', expect.stringContaining('came back')],
    ]);
    expect(await verifyLedger(db)).toEqual(before);
    expect((await findSubscriber(db, left.id))?.state).toBe('left');
  });
});

describe('a long file', () => {
  it('is applied with its progress shown', async () => {
    const seen: ImportProgress[] = [];
    const lines = Array.from({ length: 2_500 }, (_, index) => `p${index}@example.org,Name ${index}`);
    const result = await importSubscribers(
      database.db,
      source(`email,name\n${lines.join('\n')}\n`, 65_536),
      { topics: ['meetings', 'news'], onProgress: (progress) => seen.push(progress) },
      context(),
    );
    expect(result).toEqual({ read: 2_500, added: 2_500, updated: 0, unchanged: 0, rejected: [] });
    expect(seen).toEqual([
      { step: 'checking', lines: 1_000 },
      { step: 'checking', lines: 2_000 },
      { step: 'importing', lines: 1_000, of: 2_500 },
      { step: 'importing', lines: 2_000, of: 2_500 },
      { step: 'importing', lines: 2_500, of: 2_500 },
    ]);
    expect(await verifyLedger(database.db)).toMatchObject({ ok: true, events: 5_000 });
  });
});

describe('any file of any lines', () => {
  it('is accounted for line by line, and a second import changes nothing', async () => {
    const field = fc.constantFrom(
      'anna@example.org',
      'ANNA@example.org',
      'ben@example.org',
      'a b@c.d',
      '',
      '@',
      'é@example.org',
    );
    const name = fc.constantFrom('', 'Anna', '"Quoted, name"', '"two\nlines"', '😀');
    const isBlank = (line: readonly string[]) => line.every((each) => each === '');
    const file = fc
      .array(fc.tuple(field, name), { maxLength: 12 })
      .filter((lines) => !lines.every((line) => isBlank(line)));
    await fc.assert(
      fc.asyncProperty(file, fc.integer({ min: 1, max: 20 }), async (lines, piece) => {
        await emptyDatabase(database);
        const text = `email,name\n${lines.map((line) => line.join(',')).join('\n')}\n`;
        const run = () => importSubscribers(database.db, source(text, piece), {}, context());
        const first = await run();
        const sum = (r: typeof first) => r.added + r.updated + r.unchanged + r.rejected.length;
        expect(sum(first)).toBe(first.read);
        expect(first.read).toBe(lines.filter((line) => !isBlank(line)).length);
        expect(first.added).toBe(await countSubscribers(database.db));
        const names = await people();
        const second = await run();
        expect(sum(second)).toBe(second.read);
        expect(second.added).toBe(0);
        expect(second.rejected).toEqual(first.rejected);
        expect((await people()).map((p) => p.name)).toEqual(names.map((p) => p.name));
      }),
      { numRuns: 25 },
    );
  });
});
