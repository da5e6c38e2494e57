import { z } from 'zod';
import { optionalTimestamp } from './timestamps.ts';

/**
 * Ids are texts of up to 18 digits, beyond what a number holds exactly. A number that arrives all the same is
 * accepted only while it is exact.
 */
export const id = z.union([z.string().regex(/^\d+$/), z.int()]).transform(String);

/** The states of a subscriber in MailerLite. Only `active` ones are sent to. */
export const STATUSES = ['active', 'unsubscribed', 'unconfirmed', 'bounced', 'junk'] as const;
export type MailerLiteStatus = (typeof STATUSES)[number];

const fieldValue = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** A group; its membership stands for one topic. */
export interface MailerLiteGroup {
  readonly id: string;
  readonly name: string;
  readonly activeCount: number;
}

export const groupModel = z
  .object({ id, name: z.string(), active_count: z.number().catch(0) })
  .transform(({ id, name, active_count }): MailerLiteGroup => ({ id, name, activeCount: active_count }));

/** A subscriber as MailerLite holds it. Times are UTC. */
export interface MailerLiteSubscriber {
  readonly id: string;
  /** In lower case, whatever was sent. */
  readonly email: string;
  readonly status: MailerLiteStatus;
  /** How they came: `api`, `import`, `manual`, `webform` and others. */
  readonly source: string;
  readonly name: string | null;
  readonly subscribedAt: Temporal.Instant | null;
  readonly unsubscribedAt: Temporal.Instant | null;
  readonly createdAt: Temporal.Instant | null;
  readonly updatedAt: Temporal.Instant | null;
  readonly deletedAt: Temporal.Instant | null;
  /** When they confirmed a form: the one act that only the person can have done. */
  readonly optedInAt: Temporal.Instant | null;
  /** The ids of the groups they are in; undefined where the answer does not say. */
  readonly groupIds: readonly string[] | undefined;
}

export const subscriberModel = z
  .object({
    id,
    email: z.string().min(3),
    status: z.enum(STATUSES),
    source: z.string().nullish(),
    fields: z.record(z.string(), fieldValue).nullish(),
    subscribed_at: optionalTimestamp,
    unsubscribed_at: optionalTimestamp,
    created_at: optionalTimestamp,
    updated_at: optionalTimestamp,
    deleted_at: optionalTimestamp,
    opted_in_at: optionalTimestamp,
    groups: z.array(z.object({ id })).optional(),
  })
  .transform((given): MailerLiteSubscriber => ({
    id: given.id,
    email: given.email.toLowerCase(),
    status: given.status,
    source: given.source ?? 'unknown',
    name: fullName(given.fields ?? {}),
    subscribedAt: given.subscribed_at,
    unsubscribedAt: given.unsubscribed_at,
    createdAt: given.created_at,
    updatedAt: given.updated_at,
    deletedAt: given.deleted_at,
    optedInAt: given.opted_in_at,
    groupIds: given.groups?.map(({ id }) => id),
  }));

function fullName(fields: Readonly<Record<string, z.output<typeof fieldValue>>>): string | null {
  const parts = [fields['name'], fields['last_name']].filter(
    (part) => typeof part === 'string' && part.trim() !== '',
  );
  return parts.length === 0 ? null : parts.map((part) => String(part).trim()).join(' ');
}

/** A registered webhook and how it has fared. */
export interface MailerLiteWebhook {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly enabled: boolean;
  /** MailerLite has stopped sending to it. */
  readonly blocked: boolean;
  readonly batchable: boolean;
  /** Signs each message; given on every read. */
  readonly secret: string;
  readonly lastFiredAt: Temporal.Instant | null;
  readonly responseCode: number | null;
}

export const webhookModel = z
  .object({
    id,
    url: z.string(),
    events: z.array(z.string()),
    enabled: z.boolean(),
    is_blocked: z.boolean().catch(false),
    batchable: z.boolean().catch(false),
    secret: z.string(),
    last_fired_at: optionalTimestamp,
    response_code: z.number().nullish(),
  })
  .transform((given): MailerLiteWebhook => ({
    id: given.id,
    url: given.url,
    events: given.events,
    enabled: given.enabled,
    blocked: given.is_blocked,
    batchable: given.batchable,
    secret: given.secret,
    lastFiredAt: given.last_fired_at,
    responseCode: given.response_code ?? null,
  }));

/** One object, as most answers wrap it. */
export function data<T>(model: z.ZodType<T>) {
  return z.object({ data: model }).transform((answer) => answer.data);
}

/** A page of the style with a cursor. Its items are parsed one by one by the caller. */
export const cursorPage = z.object({
  data: z.array(z.unknown()),
  meta: z.object({ next_cursor: z.string().nullish() }),
});

/** A page of the style with numbers. */
export function numberedPage<T>(model: z.ZodType<T>) {
  return z.object({
    data: z.array(model),
    meta: z.object({ current_page: z.number(), last_page: z.number() }),
  });
}
