import { randomInt } from 'node:crypto';
import { and, asc, eq, lt, ne, sql } from 'drizzle-orm';
import { containing, keyset, type ListOrder } from '../db/keyset.ts';
import type { Tx } from '../db/open.ts';
import { complaintEvents, complaints } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { parseEmailAddress } from '../kernel/email-address.ts';
import { ConvenorError, invalidInput, notFound } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { queueServiceMail } from '../organisation/service-mails.ts';
import { parseName } from './members.ts';

export type Complaint = typeof complaints.$inferSelect;
export type ComplaintEvent = typeof complaintEvents.$inferSelect;

interface Context {
  readonly clock: Clock;
  readonly actor: Actor;
}

/** Data Protection Act 2018, section 164A: a complaint is acknowledged within 30 days. */
const ACKNOWLEDGE_WITHIN = Temporal.Duration.from({ hours: 30 * 24 });
/** When the administrators are reminded of one that waits. */
const REMIND_BEFORE = Temporal.Duration.from({ hours: 7 * 24 });
const LONGEST = 10_000;

/**
 * Takes in a complaint about how the group uses data. The administrators are told by mail, and the person that
 * it has arrived, when they left an address.
 *
 * @throws ConvenorError `invalid_input` for an empty or too long text, or a wrong address.
 */
export async function fileComplaint(
  tx: Tx,
  input: { text: string; name?: string; email?: string },
  { clock }: { clock: Clock },
): Promise<Complaint> {
  const text = checkedText(input.text);
  const email = input.email?.trim() ? parseEmailAddress(input.email).email : null;
  const name = parseName(input.name ?? '') ?? null;
  return tx.transaction(async (inner) => {
    const now = clock.now();
    const [filed] = await inner
      .insert(complaints)
      .values({
        id: newId(now),
        reference: newReference(now),
        receivedAt: now,
        acknowledgeBy: now.add(ACKNOWLEDGE_WITHIN),
        name,
        email,
        text,
        state: 'open',
      })
      .returning();
    const complaint = filed!;
    await note(inner, complaint.id, 'received', '', { clock, actor: 'public' });
    await queueServiceMail(
      inner,
      {
        kind: 'complaint-received',
        to: { kind: 'administrators' },
        data: { complaintId: complaint.id },
        dedupeKey: `complaint-received:${complaint.id}`,
      },
      { clock },
    );
    if (email !== null) await mailToPerson(inner, complaint, 'complaint-arrived', { clock });
    return complaint;
  });
}

/**
 * Acknowledges a complaint; with an address the person is told.
 *
 * @throws ConvenorError `not_found`; `wrong_state` when it is not open.
 */
export async function acknowledgeComplaint(tx: Tx, id: string, context: Context): Promise<Complaint> {
  return tx.transaction(async (inner) => {
    const complaint = await lockComplaint(inner, id);
    if (complaint.state !== 'open') {
      throw new ConvenorError('wrong_state', 'This complaint has been acknowledged already.');
    }
    await note(inner, id, 'acknowledged', '', context);
    const changed = await change(inner, id, { state: 'acknowledged', acknowledgedAt: context.clock.now() });
    if (complaint.email !== null) await mailToPerson(inner, complaint, 'complaint-acknowledged', context);
    return changed;
  });
}

/** Adds a note on what was done. @throws ConvenorError `not_found`, `invalid_input`. */
export async function noteOnComplaint(
  tx: Tx,
  { id, text }: { id: string; text: string },
  context: Context,
): Promise<void> {
  await tx.transaction(async (inner) => {
    await lockComplaint(inner, id);
    await note(inner, id, 'note', checkedText(text), context);
  });
}

/**
 * Closes a complaint with what came of it; one that was never acknowledged counts as acknowledged now.
 *
 * @throws ConvenorError `not_found`, `invalid_input`; `wrong_state` when it is closed.
 */
export async function closeComplaint(
  tx: Tx,
  { id, outcome }: { id: string; outcome: string },
  context: Context,
): Promise<Complaint> {
  const text = checkedText(outcome);
  return tx.transaction(async (inner) => {
    const complaint = await lockComplaint(inner, id);
    if (complaint.state === 'closed') {
      throw new ConvenorError('wrong_state', 'This complaint is closed already.');
    }
    const now = context.clock.now();
    await note(inner, id, 'closed', text, context);
    return change(inner, id, {
      state: 'closed',
      acknowledgedAt: complaint.acknowledgedAt ?? now,
      closedAt: now,
    });
  });
}

/** Opens a closed complaint again. @throws ConvenorError `not_found`; `wrong_state` when it is not closed. */
export async function reopenComplaint(tx: Tx, id: string, context: Context): Promise<Complaint> {
  return tx.transaction(async (inner) => {
    if ((await lockComplaint(inner, id)).state !== 'closed') {
      throw new ConvenorError('wrong_state', 'This complaint is not closed.');
    }
    await note(inner, id, 'reopened', '', context);
    return change(inner, id, { state: 'acknowledged', closedAt: null });
  });
}

/** One complaint with what was done about it, oldest first. @throws ConvenorError `not_found`. */
export async function readComplaint(tx: Tx, id: string): Promise<Complaint & { events: ComplaintEvent[] }> {
  const [complaint] = await tx.select().from(complaints).where(eq(complaints.id, id));
  if (complaint === undefined) throw notFound('complaint', id);
  const events = await tx
    .select()
    .from(complaintEvents)
    .where(eq(complaintEvents.complaintId, id))
    .orderBy(asc(complaintEvents.id));
  return { ...complaint, events };
}

export const COMPLAINT_ORDERS = ['newest', 'oldest'] as const;
export type ComplaintOrder = (typeof COMPLAINT_ORDERS)[number];

const ORDERS: Readonly<Record<ComplaintOrder, ListOrder>> = {
  newest: { by: complaints.receivedAt, descending: true },
  oldest: { by: complaints.receivedAt },
};

/**
 * Complaints, the newest first unless another order is asked for; without the closed ones unless they are asked for.
 *
 * @param query `text`: words that all stand in number, name, address or text; `after`: id of the last row of the page
 *   before.
 */
export async function listComplaints(
  tx: Tx,
  {
    closed = false,
    text = '',
    order = 'newest',
    after,
    limit = 100,
  }: {
    closed?: boolean;
    text?: string;
    order?: ComplaintOrder;
    after?: string | undefined;
    limit?: number;
  } = {},
): Promise<Complaint[]> {
  const { behind, orderBy } = keyset(complaints, ORDERS[order], after);
  const everything = sql`concat_ws(' ', ${complaints.reference}, ${complaints.name}, ${complaints.email}, ${complaints.text})`;
  return tx
    .select()
    .from(complaints)
    .where(and(closed ? undefined : ne(complaints.state, 'closed'), containing(everything, text), behind))
    .orderBy(...orderBy)
    .limit(limit);
}

/**
 * Reminds the administrators, once each, of complaints that must be acknowledged within a week.
 *
 * @returns how many wait.
 */
export async function remindOfComplaints(tx: Tx, { clock }: { clock: Clock }): Promise<number> {
  const waiting = await tx
    .select({ id: complaints.id })
    .from(complaints)
    .where(and(eq(complaints.state, 'open'), lt(complaints.acknowledgeBy, clock.now().add(REMIND_BEFORE))));
  for (const { id } of waiting) {
    await queueServiceMail(
      tx,
      {
        kind: 'complaint-due',
        to: { kind: 'administrators' },
        data: { complaintId: id },
        dedupeKey: `complaint-due:${id}`,
      },
      { clock },
    );
  }
  return waiting.length;
}

async function lockComplaint(tx: Tx, id: string): Promise<Complaint> {
  const [found] = await tx.select().from(complaints).where(eq(complaints.id, id)).for('update');
  if (found === undefined) throw notFound('complaint', id);
  return found;
}

async function change(tx: Tx, id: string, values: Partial<Complaint>): Promise<Complaint> {
  const [changed] = await tx.update(complaints).set(values).where(eq(complaints.id, id)).returning();
  return changed!;
}

/** What an act makes of a complaint; a note leaves it as it is. */
const STATE_AFTER: Partial<Record<ComplaintEvent['kind'], Complaint['state']>> = {
  acknowledged: 'acknowledged',
  closed: 'closed',
  reopened: 'acknowledged',
};

/** Writes an act down. Call it before the complaint's state is changed: the audit log has both states. */
async function note(
  tx: Tx,
  complaintId: string,
  kind: ComplaintEvent['kind'],
  text: string,
  { clock, actor }: Context,
): Promise<void> {
  const at = clock.now();
  await tx.insert(complaintEvents).values({ id: newId(at), complaintId, at, actor, kind, text });
  if (kind !== 'received') {
    const [complaint] = await tx.select().from(complaints).where(eq(complaints.id, complaintId));
    const [before, after] = [complaint!.state, STATE_AFTER[kind] ?? complaint!.state];
    const entry = { actor, action: `complaint.${kind}`, subject: complaintId, before, after };
    await recordAudit(tx, entry, { clock });
  }
}

async function mailToPerson(
  tx: Tx,
  { id, email }: Complaint,
  kind: 'complaint-arrived' | 'complaint-acknowledged',
  { clock }: { clock: Clock },
): Promise<void> {
  await queueServiceMail(
    tx,
    {
      kind,
      to: { kind: 'address', address: email! },
      data: { complaintId: id },
      dedupeKey: `${kind}:${id}`,
    },
    { clock },
  );
}

/** Short enough for the telephone: the year and six characters that are not mistaken for each other. */
function newReference(now: Temporal.Instant): string {
  const letters = '23456789ABCDEFGHJKMNPQRSTUVWXYZ';
  const code = Array.from({ length: 6 }, () => letters[randomInt(letters.length)]).join('');
  return `C${now.toString().slice(0, 4)}-${code}`;
}

function checkedText(text: string): string {
  const checked = text.replaceAll('\r\n', '\n').trim();
  if (checked === '') throw invalidInput({ field: 'text', message: 'must not be empty' });
  if (checked.length > LONGEST) {
    throw invalidInput({ field: 'text', message: `must have at most ${LONGEST} characters` });
  }
  return checked;
}
