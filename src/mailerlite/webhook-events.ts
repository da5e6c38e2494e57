import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { id, STATUSES, type MailerLiteStatus } from './schemas.ts';
import { optionalTimestamp } from './timestamps.ts';

/** One thing that happened in MailerLite. A hint, and not the whole truth: events come late, twice and out of order. */
export interface WebhookEvent {
  /** For instance `subscriber.unsubscribed`; names that are not known yet come through as they are. */
  readonly name: string;
  /** The same for the same event in another delivery, with other neighbours or at another time. */
  readonly dedupeKey: string;
  /** Undefined for events about something else, such as a campaign. */
  readonly subscriber: WebhookSubscriber | undefined;
  /** The group that the person was put into or taken out of. */
  readonly groupId: string | null;
}

/** What an event says about the person. */
export interface WebhookSubscriber {
  readonly id: string;
  readonly email: string | null;
  readonly status: MailerLiteStatus | null;
  readonly unsubscribedAt: Temporal.Instant | null;
  readonly updatedAt: Temporal.Instant | null;
}

/**
 * Whether the request really came from MailerLite: the hex HMAC-SHA256 of the raw bytes with the webhook's
 * secret, compared in constant time.
 */
export function verifySignature(body: Uint8Array, signature: string | undefined, secret: string): boolean {
  if (signature === undefined || secret === '') return false;
  const expected = createHmac('sha256', secret).update(body).digest();
  const given = Buffer.from(signature.trim(), 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const subscriber = z.object({
  id,
  email: z.string().nullish(),
  status: z.enum(STATUSES).nullish().catch(null),
  unsubscribed_at: optionalTimestamp.catch(null),
  updated_at: optionalTimestamp.catch(null),
});

/** The name stands in `event` with the person's data around it, or in `type` with the person inside. */
const item = z.looseObject({
  event: z.string().optional(),
  type: z.string().optional(),
  subscriber: z.unknown().optional(),
  group: z.object({ id }).nullish().catch(null),
});
const batch = z.looseObject({ events: z.array(z.unknown()) });

/**
 * Reads the body of a webhook request whose signature is good: one event of either form, or a batch of them.
 * What cannot be read is left out rather than refused, so that one odd event does not cost the others; an
 * unknown event keeps its name.
 */
export function parseWebhook(body: Uint8Array): WebhookEvent[] {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return [];
  }
  const many = batch.safeParse(value);
  return (many.success ? many.data.events : [value]).flatMap((one) => {
    const event = parseEvent(one);
    return event === undefined ? [] : [event];
  });
}

function parseEvent(value: unknown): WebhookEvent | undefined {
  const parsed = item.safeParse(value);
  if (!parsed.success) return undefined;
  const name = parsed.data.event ?? parsed.data.type;
  if (name === undefined || name === '') return undefined;
  const person = name.startsWith('subscriber.')
    ? subscriber.safeParse(parsed.data.subscriber ?? value)
    : undefined;
  const about = person?.success === true ? person.data : undefined;
  return {
    name,
    // MailerLite gives its events neither an id nor a time.
    dedupeKey: createHash('sha256').update(canonical(value)).digest('hex'),
    subscriber: about && {
      id: about.id,
      email: about.email?.toLowerCase() ?? null,
      status: about.status ?? null,
      unsubscribedAt: about.unsubscribed_at,
      updatedAt: about.updated_at,
    },
    groupId: parsed.data.group?.id ?? null,
  };
}

/** JSON with its keys in order, so that the same content has the same text. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}
