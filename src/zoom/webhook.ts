import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import { parseJson } from './refusals.ts';
import { meetingId } from './fields.ts';

/** What Zoom told. Events that nothing here depends on, those about single participants among them, are `other`. */
export type ZoomEvent =
  | { readonly kind: 'meeting_created' | 'meeting_updated' | 'meeting_deleted'; readonly meetingId: string }
  | { readonly kind: 'meeting_started'; readonly meetingId: string; readonly uuid: string }
  | {
      readonly kind: 'meeting_ended';
      readonly meetingId: string;
      readonly uuid: string;
      readonly startedAt?: Temporal.Instant;
      readonly endedAt?: Temporal.Instant;
    }
  | { readonly kind: 'other'; readonly name: string };

export interface ReceivedEvent {
  readonly event: ZoomEvent;
  /** When Zoom says that it happened. */
  readonly at: Temporal.Instant;
  /** The same for every delivery of the same event. */
  readonly dedupeKey: string;
}

/** What to do with a request to the webhook's address. */
export type WebhookReading =
  | {
      readonly result: 'handshake';
      readonly answer: { readonly plainToken: string; readonly encryptedToken: string };
    }
  | { readonly result: 'event'; readonly received: ReceivedEvent }
  | { readonly result: 'refused'; readonly status: 400 | 401; readonly reason: string };

export interface WebhookRequest {
  /** Header `x-zm-signature`. */
  readonly signature: string | undefined;
  /** Header `x-zm-request-timestamp`: seconds since 1970. */
  readonly timestamp: string | undefined;
  /** The bytes as they arrived: another serialisation of the same JSON has another signature. */
  readonly body: Uint8Array;
}

/** A request whose time is further from ours than this is refused. */
const REPLAY_WINDOW_SECONDS = 300;

const envelope = z.object({
  event: z.string().min(1),
  event_ts: z.number().int(),
  payload: z.object({
    plainToken: z.string().optional(),
    object: z
      .object({
        id: meetingId,
        uuid: z.string(),
        start_time: z.string(),
        end_time: z.string(),
        participant: z.object({ participant_uuid: z.string(), user_id: z.string() }).partial().loose(),
      })
      .partial()
      .optional(),
  }),
});
type Envelope = z.output<typeof envelope>;

/** Reads requests of Zoom's event subscription that has the given secret token. */
export function createWebhookReader({ secret, clock }: { secret: string; clock: Clock }) {
  const sign = (...parts: readonly (string | Uint8Array)[]) => {
    const hmac = createHmac('sha256', secret);
    for (const part of parts) hmac.update(part);
    return hmac.digest('hex');
  };

  /** Checks the signature and the time before the body is looked at. */
  return function read({ signature, timestamp, body }: WebhookRequest): WebhookReading {
    if (signature === undefined || timestamp === undefined || !/^\d{1,12}$/.test(timestamp)) {
      return { result: 'refused', status: 401, reason: 'signature or time missing' };
    }
    if (!sameText(signature, `v0=${sign(`v0:${timestamp}:`, body)}`)) {
      return { result: 'refused', status: 401, reason: 'wrong signature' };
    }
    const age = Math.abs(clock.now().epochMilliseconds / 1000 - Number(timestamp));
    if (age > REPLAY_WINDOW_SECONDS) return { result: 'refused', status: 401, reason: 'time out of range' };
    const parsed = envelope.safeParse(parseJson(Buffer.from(body).toString('utf8')));
    if (!parsed.success) return { result: 'refused', status: 400, reason: 'not an event of Zoom' };
    const { event, payload } = parsed.data;
    if (event === 'endpoint.url_validation') {
      if (payload.plainToken === undefined)
        return { result: 'refused', status: 400, reason: 'plainToken missing' };
      return {
        result: 'handshake',
        answer: { plainToken: payload.plainToken, encryptedToken: sign(payload.plainToken) },
      };
    }
    return {
      result: 'event',
      received: {
        event: toEvent(parsed.data),
        at: Temporal.Instant.fromEpochMilliseconds(parsed.data.event_ts),
        dedupeKey: dedupeKey(parsed.data),
      },
    };
  };
}

function toEvent({ event, payload }: Envelope): ZoomEvent {
  const id = payload.object?.id;
  const uuid = payload.object?.uuid;
  const other = { kind: 'other', name: event } as const;
  if (id === undefined) return other;
  switch (event) {
    case 'meeting.created':
      return { kind: 'meeting_created', meetingId: id };
    case 'meeting.updated':
      return { kind: 'meeting_updated', meetingId: id };
    case 'meeting.deleted':
      return { kind: 'meeting_deleted', meetingId: id };
    case 'meeting.started':
      return uuid === undefined ? other : { kind: 'meeting_started', meetingId: id, uuid };
    case 'meeting.ended': {
      if (uuid === undefined) return other;
      const startedAt = toInstant(payload.object?.start_time);
      const endedAt = toInstant(payload.object?.end_time);
      return {
        kind: 'meeting_ended',
        meetingId: id,
        uuid,
        ...(startedAt === undefined ? {} : { startedAt }),
        ...(endedAt === undefined ? {} : { endedAt }),
      };
    }
    default:
      return other;
  }
}

/** Retries repeat the event and its time; nothing else in them names a delivery. */
function dedupeKey({ event, event_ts, payload }: Envelope): string {
  const { id, uuid, participant } = payload.object ?? {};
  const person = participant?.participant_uuid ?? participant?.user_id;
  return createHash('sha256')
    .update(JSON.stringify([event, event_ts, id, uuid, person]))
    .digest('hex');
}

function toInstant(text: string | undefined): Temporal.Instant | undefined {
  try {
    return text === undefined ? undefined : Temporal.Instant.from(text);
  } catch {
    return undefined;
  }
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
