import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import { withoutAddresses } from '../kernel/log.ts';
import { ZoomError, type ZoomErrorDetails, type ZoomFault } from './errors.ts';

/** Wait after trouble on Zoom's side whose end nobody tells. */
const PAUSE = { seconds: 60 };

const errorBody = z.object({
  code: z.number().default(0),
  message: z.string().default(''),
  errors: z.array(z.object({ field: z.string().default(''), message: z.string().default('') })).default([]),
});
type ErrorBody = z.output<typeof errorBody>;

const SENTENCES: Record<ZoomFault, string> = {
  credentials:
    'Zoom does not accept our credentials. Check ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID and ZOOM_CLIENT_SECRET, and that the app is activated.',
  scope_missing: 'The Zoom app lacks a scope. Add it in the Zoom App Marketplace.',
  not_allowed: 'The Zoom account does not allow this. Check the host’s plan and the account’s settings.',
  host_unknown: 'Zoom does not know this host. Use the e-mail address of a person of the Zoom account.',
  meeting_unknown: 'Zoom does not know this meeting, or no longer.',
  meeting_running: 'The meeting is in progress at Zoom and cannot be changed now.',
  meeting_over: 'The meeting is over at Zoom and cannot be changed.',
  invalid: 'Zoom refuses a value of the meeting.',
  rate_limited: 'A limit of the Zoom account is used up for now.',
  unavailable: 'Zoom cannot be reached or is out of order.',
  unexpected_answer: 'Zoom answered in a form that is not known here.',
};

/**
 * What an error answer means. The HTTP status decides first, then the code: Zoom uses some codes in several
 * senses.
 *
 * @param writes whether the request was to change something, so that a gateway's error leaves it open whether it did.
 */
export function refusal(
  response: { status: number; headers: Headers; text: string },
  writes: boolean,
  clock: Clock,
): ZoomError {
  const body = parseBody(response.text);
  const details: ZoomErrorDetails = {};
  const trackingId = response.headers.get('x-zm-trackingid');
  const fault = decide(response.status, body);
  return new ZoomError(fault, sentence(fault, body), {
    ...details,
    ...(trackingId === null ? {} : { trackingId }),
    ...(fault === 'rate_limited' ? { retryAt: comeBackAt(response.headers, clock.now()) } : {}),
    ...(fault === 'unavailable' ? { retryAt: clock.now().add(PAUSE), mayHaveHappened: writes } : {}),
    ...(fault === 'unexpected_answer' ? { mayHaveHappened: writes && response.status < 400 } : {}),
  });
}

/** A connection that failed, was cut, or took too long. */
export function noAnswer(reason: string, mayHaveHappened: boolean, clock: Clock): ZoomError {
  return new ZoomError('unavailable', `${SENTENCES.unavailable} (${reason})`, {
    retryAt: clock.now().add(PAUSE),
    mayHaveHappened,
  });
}

/** Zoom's token endpoint refused us; its reason is one of a few fixed phrases. */
export function credentialsRefused(status: number, text: string, clock: Clock): ZoomError {
  if (status === 429 || status >= 500) return noAnswer(`token endpoint: HTTP ${status}`, false, clock);
  const reason = z.object({ reason: z.string() }).safeParse(parseJson(text));
  return new ZoomError(
    'credentials',
    `${SENTENCES.credentials}${reason.success ? said(reason.data.reason) : ''}`,
  );
}

/** An answer of the right status whose body is not in the documented form. */
export function unexpectedAnswer(what: string, mayHaveHappened: boolean): ZoomError {
  return new ZoomError('unexpected_answer', `${SENTENCES.unexpected_answer} (${what})`, { mayHaveHappened });
}

/** True when a fresh token may help: it is too old, or it was issued before a scope was added. */
export function wantsNewToken(status: number, text: string): boolean {
  if (status !== 401 && status !== 400) return false;
  const { code } = parseBody(text);
  return code === 4700 || code === 4711 || status === 401;
}

function decide(status: number, { code }: ErrorBody): ZoomFault {
  if (status === 429) return 'rate_limited';
  if (status >= 500) return 'unavailable';
  if (code === 4700 || code === 4711) return 'scope_missing';
  if (status === 401) return 'credentials';
  if (code === 3001) return 'meeting_unknown';
  if (code === 1001 || code === 1010) return 'host_unknown';
  if (code === 3002) return 'meeting_running';
  if (code === 3000 || code === 3007) return 'meeting_over';
  if (code === 200 || code === 3161 || status === 403) return 'not_allowed';
  if (status === 400 || status === 409 || status === 422) return 'invalid';
  if (status === 404 && code === 300) return 'meeting_unknown';
  return 'unexpected_answer';
}

function sentence(fault: ZoomFault, body: ErrorBody): string {
  const fields = body.errors.map(({ field, message }) => `${field}: ${message}`).join(' ');
  return `${SENTENCES[fault]}${said(`${body.message} ${fields}`)}`;
}

function said(text: string): string {
  const clean = withoutAddresses(text.replaceAll(/https?:\S+/g, '…')).trim();
  return clean === '' ? '' : ` Zoom says: “${clean.slice(0, 300)}”`;
}

/**
 * When to come back after a 429. `Retry-After` holds seconds or a date; a limit per second names its end in
 * `X-RateLimit-Reset`; a host's daily budget has been seen without either, and ends at 00:00 UTC.
 */
export function comeBackAt(headers: Headers, now: Temporal.Instant): Temporal.Instant {
  const later = readMoment(headers.get('retry-after'), now) ?? readEpoch(headers.get('x-ratelimit-reset'));
  if (later && Temporal.Instant.compare(later, now) > 0) return later;
  const perSecond = headers.get('x-ratelimit-type')?.toLowerCase().includes('qps') ?? later !== undefined;
  return perSecond ? now.add({ seconds: 1 }) : nextUtcMidnight(now);
}

/** 00:00 UTC after this instant: when the daily budgets start anew. */
export function nextUtcMidnight(now: Temporal.Instant): Temporal.Instant {
  return now.toZonedDateTimeISO('UTC').toPlainDate().add({ days: 1 }).toZonedDateTime('UTC').toInstant();
}

function readMoment(text: string | null, now: Temporal.Instant): Temporal.Instant | undefined {
  if (text === null || text.trim() === '') return undefined;
  if (/^\d+$/.test(text.trim())) return now.add({ seconds: Math.min(Number(text), 7 * 86_400) });
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? undefined : Temporal.Instant.fromEpochMilliseconds(milliseconds);
}

function readEpoch(text: string | null): Temporal.Instant | undefined {
  return text !== null && /^\d{9,11}$/.test(text)
    ? Temporal.Instant.fromEpochMilliseconds(Number(text) * 1000)
    : undefined;
}

function parseBody(text: string): ErrorBody {
  const parsed = errorBody.safeParse(parseJson(text));
  return parsed.success ? parsed.data : { code: 0, message: '', errors: [] };
}

/** JSON, or `undefined` for anything else (a gateway's error page). */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
