/** The mails that were kept instead of sent: a list to look through, and one taken apart to look at. */
import { and, eq, or, sql } from 'drizzle-orm';
import PostalMime from 'postal-mime';
import { invalidInput, notFound } from '../kernel/errors.ts';
import { containing, keyset, type ListOrder } from '../db/keyset.ts';
import type { Tx } from '../db/open.ts';
import { outboxMessages } from '../db/schema.ts';

export interface OutboxEntry {
  readonly id: string;
  readonly at: Temporal.Instant;
  readonly recipient: string;
  readonly subject: string;
  readonly messageId: string;
  readonly deliveryId: string | null;
  /** Bytes of the whole message. */
  readonly size: number;
}

export interface OutboxPage {
  readonly entries: readonly OutboxEntry[];
  /** Give it as `after` for the next page; `null` on the last one. */
  readonly next: string | null;
}

interface OutboxAttachment {
  /** Place among the attachments, from 0; names it in an address. */
  readonly index: number;
  readonly filename: string;
  /** Media type without parameters. */
  readonly contentType: string;
  /** The method of a calendar part. */
  readonly method: string | null;
  readonly content: Uint8Array;
}

/** One kept mail, taken apart by a parser that had no part in composing it. */
export interface OutboxMessage extends OutboxEntry {
  readonly raw: Uint8Array;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** As the sender wrote it: show it in a sandboxed frame. */
  readonly html: string | null;
  readonly text: string | null;
  readonly attachments: readonly OutboxAttachment[];
}

const ENTRY = {
  id: outboxMessages.id,
  at: outboxMessages.at,
  recipient: outboxMessages.recipient,
  subject: outboxMessages.subject,
  messageId: outboxMessages.messageId,
  deliveryId: outboxMessages.deliveryId,
  size: sql<number>`length(${outboxMessages.raw})::int`,
};

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const OUTBOX_ORDERS = ['newest', 'oldest', 'address', 'subject'] as const;
export type OutboxOrder = (typeof OUTBOX_ORDERS)[number];

const ORDERS: Readonly<Record<OutboxOrder, ListOrder>> = {
  newest: { by: outboxMessages.at, descending: true },
  oldest: { by: outboxMessages.at },
  address: { by: sql`lower(${outboxMessages.recipient})` },
  subject: { by: sql`lower(${outboxMessages.subject})` },
};

/**
 * Kept mails, the newest first unless another order is asked for.
 *
 * @param query.search part of an address or a subject
 * @param query.deliveryId only the mail of this delivery
 * @throws invalidInput on `after` when it does not come from an earlier page
 */
export async function listOutbox(
  tx: Tx,
  query: {
    after?: string | undefined;
    limit?: number;
    search?: string;
    deliveryId?: string;
    order?: OutboxOrder;
  } = {},
): Promise<OutboxPage> {
  const limit = query.limit ?? 50;
  if (query.after !== undefined && !UUID.test(query.after)) {
    throw invalidInput({ field: 'after', message: 'must come from an earlier page' });
  }
  const words = query.search ?? '';
  const { behind, orderBy } = keyset(outboxMessages, ORDERS[query.order ?? 'newest'], query.after);
  const found = await tx
    .select(ENTRY)
    .from(outboxMessages)
    .where(
      and(
        or(containing(outboxMessages.recipient, words), containing(outboxMessages.subject, words)),
        query.deliveryId === undefined ? undefined : eq(outboxMessages.deliveryId, query.deliveryId),
        behind,
      ),
    )
    .orderBy(...orderBy)
    .limit(limit + 1);
  const entries = found.slice(0, limit);
  const last = entries.at(-1);
  return {
    entries,
    next: found.length > limit && last !== undefined ? last.id : null,
  };
}

/** How many mails the outbox holds. */
export async function countOutbox(tx: Tx): Promise<number> {
  return tx.$count(outboxMessages);
}

/** @throws ConvenorError `not_found` */
export async function readOutboxMessage(tx: Tx, id: string): Promise<OutboxMessage> {
  if (!UUID.test(id)) throw notFound('mail in the outbox', id);
  const [row] = await tx
    .select({ ...ENTRY, raw: outboxMessages.raw })
    .from(outboxMessages)
    .where(eq(outboxMessages.id, id));
  if (row === undefined) throw notFound('mail in the outbox', id);
  const parsed = await PostalMime.parse(row.raw, { attachmentEncoding: 'arraybuffer' });
  return {
    ...row,
    headers: parsed.headers.map(({ originalKey, value }) => ({ name: originalKey, value })),
    html: parsed.html ?? null,
    text: parsed.text ?? null,
    attachments: parsed.attachments.map(({ filename, mimeType, method, content }, index) => ({
      index,
      filename: filename ?? `attachment-${index + 1}`,
      contentType: mimeType,
      method: method ?? null,
      content: bytesOf(mimeType, content as ArrayBuffer | Uint8Array),
    })),
  };
}

/** The parser gives calendar parts with line feeds alone; RFC 5545 section 3.1 asks for CRLF. */
function bytesOf(mimeType: string, content: ArrayBuffer | Uint8Array): Uint8Array {
  const given = content instanceof Uint8Array ? content : new Uint8Array(content);
  if (mimeType !== 'text/calendar') return given;
  return Buffer.from(Buffer.from(given).toString('utf8').replace(/\r?\n/g, '\r\n'), 'utf8');
}
