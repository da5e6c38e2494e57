/** What an endpoint answers. Without a body the reply has neither content nor a content type (204). */
export interface Reply {
  readonly status: number;
  readonly body?: unknown;
}

/** An endpoint's way to answer with an error from anywhere inside. */
export class Refusal extends Error {
  readonly reply: Reply;

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super(String(body['message']));
    this.reply = { status, body };
  }
}

/** 422 with one or more messages per field; `message` is the first, and says how many more there are. */
export function invalid(errors: Readonly<Record<string, readonly string[]>>, message?: string): Refusal {
  const all = Object.values(errors).flat();
  const more = all.length - 1;
  const summary = more === 0 ? all[0]! : `${all[0]!} (and ${more} more error${more === 1 ? '' : 's'})`;
  return new Refusal(422, { message: message ?? summary, errors });
}

/** 404 for a model that is named in MailerLite's own words; the id is left out for subscribers. */
export function noSuch(model: string, id?: string): Refusal {
  return new Refusal(404, {
    message: `No query results for model [App\\Models\\${model}]${id === undefined ? '.' : ` ${id}`}`,
  });
}

/** A share as MailerLite writes it: the number and a text with two digits at most. */
export function rate(part: number, whole: number): { float: number; string: string } {
  const float = whole === 0 ? 0 : Number((part / whole).toPrecision(14));
  return { float, string: `${Number((float * 100).toFixed(2))}%` };
}

/** `YYYY-MM-DD HH:mm:ss` in UTC, without a mark of the zone. */
export function timestamp(instant: Temporal.Instant): string {
  return instant.toString({ smallestUnit: 'second' }).replace('T', ' ').replace('Z', '');
}

/** The form that webhooks use: ISO with six digits and a Z. */
export function isoTimestamp(stored: string | null): string | null {
  return stored === null ? null : `${stored.replace(' ', 'T')}.000000Z`;
}

/** The instant of a stored timestamp. */
export function instantOf(stored: string): Temporal.Instant {
  return Temporal.Instant.from(`${stored.replace(' ', 'T')}Z`);
}
