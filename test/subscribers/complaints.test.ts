import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { rows } from '../../src/db/open.ts';
import {
  acknowledgeComplaint,
  closeComplaint,
  fileComplaint,
  listComplaints,
  noteOnComplaint,
  readComplaint,
  remindOfComplaints,
  reopenComplaint,
} from '../../src/subscribers/complaints.ts';
import { ManualClock } from '../support/clock.ts';
import { useTestDatabase } from '../support/database.ts';

const database = useTestDatabase();
let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock('2026-11-01T12:00:00Z');
});

const context = () => ({ clock, actor: 'admin:1' });
const file = (email?: string) =>
  fileComplaint(
    database.db,
    { text: 'You mailed me after I left.\r\nTwice.', ...(email === undefined ? {} : { email }) },
    { clock },
  );
const kinds = async () =>
  (await rows<{ kind: string }>(database.db, sql`select kind from service_mails order by kind`)).map(
    ({ kind }) => kind,
  );

describe('a complaint', () => {
  it('has a reference, 30 days to be acknowledged, and is told to the administrators and the person', async () => {
    const complaint = await file('anna@example.org');
    expect(complaint).toMatchObject({
      reference: expect.stringMatching(/^C2026-[2-9A-HJKMNP-Z]{6}$/),
      state: 'open',
      text: 'You mailed me after I left.\nTwice.',
    });
    expect(complaint.acknowledgeBy.toString()).toBe('2026-12-01T12:00:00Z');
    expect(await kinds()).toEqual(['complaint-arrived', 'complaint-received']);
  });

  it('can be made without an address, but not without words', async () => {
    await file();
    expect(await kinds()).toEqual(['complaint-received']);
    await expect(fileComplaint(database.db, { text: ' \n ' }, { clock })).rejects.toMatchObject({
      problems: [{ field: 'text' }],
    });
    await expect(fileComplaint(database.db, { text: 'x', email: 'x' }, { clock })).rejects.toMatchObject({
      problems: [{ field: 'email' }],
    });
  });

  it('is acknowledged once, worked on, closed with its outcome, and opened again', async () => {
    const { id } = await file('anna@example.org');
    clock.advance({ hours: 1 });
    await acknowledgeComplaint(database.db, id, context());
    await expect(acknowledgeComplaint(database.db, id, context())).rejects.toMatchObject({
      code: 'wrong_state',
    });
    await noteOnComplaint(database.db, { id, text: 'Looked at the ledger.' }, context());
    await closeComplaint(
      database.db,
      { id, outcome: 'A mail was under way; we have said sorry.' },
      context(),
    );
    await expect(closeComplaint(database.db, { id, outcome: 'again' }, context())).rejects.toMatchObject({
      code: 'wrong_state',
    });
    expect(await listComplaints(database.db)).toEqual([]);
    expect(await listComplaints(database.db, { closed: true })).toHaveLength(1);
    await reopenComplaint(database.db, id, context());
    const read = await readComplaint(database.db, id);
    expect(read).toMatchObject({ state: 'acknowledged', closedAt: null });
    expect(read.acknowledgedAt?.toString()).toBe('2026-11-01T13:00:00Z');
    expect(read.events.map(({ kind, text }) => [kind, text])).toEqual(
      expect.arrayContaining([
        ['received', ''],
        ['acknowledged', ''],
        ['note', 'Looked at the ledger.'],
        ['closed', 'A mail was under way; we have said sorry.'],
        ['reopened', ''],
      ]),
    );
  });

  it('that waits is brought up a week before it must be acknowledged, once', async () => {
    const { id } = await file();
    clock.advance({ hours: 22 * 24 });
    expect(await remindOfComplaints(database.db, { clock })).toBe(0);
    clock.advance({ hours: 2 * 24 });
    expect(await remindOfComplaints(database.db, { clock })).toBe(1);
    await remindOfComplaints(database.db, { clock });
    expect((await kinds()).filter((kind) => kind === 'complaint-due')).toHaveLength(1);
    await acknowledgeComplaint(database.db, id, context());
    expect(await remindOfComplaints(database.db, { clock })).toBe(0);
  });

  it('that does not exist is not found', async () => {
    const id = '01930000-0000-7000-8000-000000000000';
    await expect(readComplaint(database.db, id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(acknowledgeComplaint(database.db, id, context())).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});
