import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { CallOptions, Connection } from './connection.ts';
import { MailerLiteError } from './errors.ts';
import { data, id, numberedPage, subscriberModel, type MailerLiteSubscriber } from './schemas.ts';
import { formatTimestamp, optionalTimestamp } from './timestamps.ts';

export const CAMPAIGN_STATES = ['draft', 'ready', 'sent'] as const;
export type CampaignState = (typeof CAMPAIGN_STATES)[number];

/** Who gets a campaign. Without groups and segments MailerLite sends to everybody. */
export type CampaignAudience =
  | { readonly kind: 'everybody' }
  | { readonly kind: 'groups'; readonly groupIds: readonly string[] }
  | { readonly kind: 'other' };

export interface MailerLiteCampaign {
  readonly id: string;
  readonly name: string;
  readonly state: CampaignState;
  readonly audience: CampaignAudience;
  /** How many would get it now; undefined where the answer does not say (only create, change and read do). */
  readonly recipients: number | undefined;
  /** What is missing before it can be scheduled, such as `content`. */
  readonly missing: readonly string[];
  readonly canBeScheduled: boolean;
  readonly warnings: readonly string[];
  /** The address that it is sent from; it may be another than the one that was asked for. */
  readonly from: string;
  /**
   * Names what the campaign says and to whom: subject, sender, audience, words and links. MailerLite writes the HTML
   * anew in its own way, which does not count. Only answers with the content (change and read) have it.
   */
  readonly fingerprint: string | undefined;
  readonly scheduledFor: Temporal.Instant | null;
  readonly finishedAt: Temporal.Instant | null;
  readonly stopped: boolean;
}

export interface CampaignRequest {
  /** At most 255 characters. Put a mark in it by which the campaign is found again. */
  readonly name: string;
  readonly subject: string;
  readonly fromName: string;
  /** A sender that is verified in MailerLite; for any other it puts its default in place. */
  readonly from: string;
  readonly replyTo?: string;
  /** HTML. Left out when the plan does not take it; a later change without it keeps what is there. */
  readonly content?: string;
  /** Sent with every change: a change without groups makes the audience everybody. */
  readonly groupIds: readonly [string, ...string[]];
}

/** One person who was sent a campaign, and what became of it. */
export interface CampaignRecipient {
  readonly subscriber: MailerLiteSubscriber | undefined;
  readonly opens: number;
  readonly clicks: number;
}

const filters = z.array(
  z.array(z.object({ operator: z.string(), args: z.tuple([z.string(), z.array(z.string())]) })),
);

const model = z
  .object({
    id,
    name: z.string(),
    status: z.enum(CAMPAIGN_STATES),
    filter: z.unknown().optional(),
    recipients_count: z.number().nullish(),
    missing_data: z.array(z.string()).catch([]),
    can_be_scheduled: z.boolean().catch(false),
    warnings: z.array(z.unknown()).catch([]),
    scheduled_for: optionalTimestamp,
    finished_at: optionalTimestamp,
    is_stopped: z.boolean().catch(false),
    emails: z
      .array(
        z.object({
          subject: z.string().nullish(),
          from: z.string().nullish(),
          from_name: z.string().nullish(),
          content: z.string().nullish(),
        }),
      )
      .catch([]),
  })
  .transform((given): MailerLiteCampaign => ({
    id: given.id,
    name: given.name,
    state: given.status,
    audience: audienceOf(given.filter),
    recipients: given.recipients_count ?? undefined,
    missing: given.missing_data,
    canBeScheduled: given.can_be_scheduled,
    warnings: given.warnings.map((warning) =>
      typeof warning === 'string' ? warning : JSON.stringify(warning),
    ),
    from: given.emails[0]?.from ?? '',
    fingerprint: fingerprintOf(given.emails[0], given.filter),
    scheduledFor: given.scheduled_for,
    finishedAt: given.finished_at,
    stopped: given.is_stopped,
  }));

const one = data(model);
const page = numberedPage(model);
const activityPage = numberedPage(
  z.object({ opens_count: z.number(), clicks_count: z.number(), subscriber: subscriberModel.optional() }),
);
const zones = data(z.array(z.object({ id, name: z.string() })));

interface CampaignEmail {
  readonly subject?: string | null | undefined;
  readonly from?: string | null | undefined;
  readonly from_name?: string | null | undefined;
  readonly content?: string | null | undefined;
}

function fingerprintOf(email: CampaignEmail | undefined, filter: unknown): string | undefined {
  if (email?.content === undefined) return undefined;
  const html = email.content ?? '';
  const links = [...html.matchAll(/\bhref\s*=\s*["']([^"']*)["']/gi)].map(([, href]) => href);
  const words = html
    .replace(/<!--[\s\S]*?-->|<(style|script|title)\b[\s\S]*?<\/\1>|<[^>]*>/gi, ' ')
    .replace(/&nbsp;|\s/g, '');
  return createHash('sha256')
    .update(JSON.stringify([email.subject, email.from, email.from_name, audienceOf(filter), words, links]))
    .digest('hex');
}

/** Only the text form of the ids is whole; the other place in the answer has them as numbers, rounded. */
function audienceOf(filter: unknown): CampaignAudience {
  const parsed = filters.safeParse(filter);
  if (!parsed.success) return { kind: 'other' };
  const conditions = parsed.data.flat();
  if (conditions.length === 0) return { kind: 'everybody' };
  const [only] = conditions;
  return conditions.length === 1 && only!.operator === 'in_any' && only!.args[0] === 'groups'
    ? { kind: 'groups', groupIds: only!.args[1] }
    : { kind: 'other' };
}

/** All campaigns whose name holds `mark`, in whatever state they are, the oldest first. */
export async function findCampaigns(
  connection: Connection,
  mark: string,
  options?: CallOptions,
): Promise<MailerLiteCampaign[]> {
  const found: MailerLiteCampaign[] = [];
  for (const state of CAMPAIGN_STATES) {
    for (let number = 1; ; number++) {
      const answer = await connection.call(
        'the list of campaigns',
        page,
        (sdk) => sdk.campaigns.get({ 'filter[status]': state, limit: 100, page: number }),
        options,
      );
      found.push(...answer.data.filter(({ name }) => name.includes(mark)));
      if (number >= answer.meta.last_page) break;
    }
  }
  // Ids rise; a shorter one is older.
  return found.toSorted((a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1));
}

/** @throws MailerLiteError `not_found` */
export function getCampaign(
  connection: Connection,
  campaignId: string,
  options?: CallOptions,
): Promise<MailerLiteCampaign> {
  return connection.call('a campaign', one, (sdk) => sdk.campaigns.find(campaignId), options);
}

/**
 * Makes a draft.
 *
 * @throws MailerLiteError `plan_refused` when the plan takes no content by the API: make it without, and let a
 *   person paste the text.
 */
export async function createCampaign(
  connection: Connection,
  request: CampaignRequest,
  options?: CallOptions,
): Promise<MailerLiteCampaign> {
  const body = bodyOf(request);
  return connection.call('a new campaign', one, (sdk) => sdk.campaigns.create(body), options);
}

/** Changes a draft. */
export async function updateCampaign(
  connection: Connection,
  campaignId: string,
  request: CampaignRequest,
  options?: CallOptions,
): Promise<MailerLiteCampaign> {
  const body = bodyOf(request);
  return connection.call(
    'the change of a campaign',
    one,
    (sdk) => sdk.campaigns.update(campaignId, body),
    options,
  );
}

function bodyOf(request: CampaignRequest): Record<string, unknown> {
  if (request.groupIds.length === 0) {
    throw new MailerLiteError('invalid', 'A campaign without a group would go to everybody on the list.');
  }
  return {
    name: request.name,
    // English.
    language_id: 4,
    type: 'regular',
    emails: [
      {
        subject: request.subject,
        from_name: request.fromName,
        from: request.from,
        ...(request.replyTo === undefined ? {} : { reply_to: request.replyTo }),
        ...(request.content === undefined ? {} : { content: request.content }),
      },
    ],
    groups: request.groupIds,
  };
}

/** Hands a draft over for sending, within a minute or at a time in the future. */
export async function scheduleCampaign(
  connection: Connection,
  campaignId: string,
  when: 'now' | Temporal.Instant,
  options?: CallOptions,
): Promise<MailerLiteCampaign> {
  const body =
    when === 'now'
      ? { delivery: 'instant' }
      : { delivery: 'scheduled', schedule: await inUtc(connection, when, options) };
  return connection.call(
    'the schedule of a campaign',
    one,
    (sdk) => sdk.campaigns.schedule(campaignId, body),
    options,
  );
}

/** The zone is looked up by name: its id is MailerLite's own, and without one the account's zone would count. */
async function inUtc(connection: Connection, when: Temporal.Instant, options?: CallOptions) {
  const list = await connection.call('the list of time zones', zones, (sdk) => sdk.timezones.get(), options);
  const utc = list.find(({ name }) => name === 'UTC');
  if (utc === undefined)
    throw new MailerLiteError('malformed', 'MailerLite does not list the time zone UTC.');
  const [date, time] = formatTimestamp(when).split(' ') as [string, string];
  return { date, hours: time.slice(0, 2), minutes: time.slice(3, 5), timezone_id: Number(utc.id) };
}

/** Takes a scheduled campaign back to a draft; its old time stays visible in the answer. */
export function cancelCampaign(
  connection: Connection,
  campaignId: string,
  options?: CallOptions,
): Promise<MailerLiteCampaign> {
  return connection.call(
    'the cancellation of a campaign',
    one,
    (sdk) => sdk.campaigns.cancel(campaignId),
    options,
  );
}

/** Removes a campaign. */
export async function deleteCampaign(
  connection: Connection,
  campaignId: string,
  options?: CallOptions,
): Promise<void> {
  await connection.call(
    'the removal of a campaign',
    z.unknown(),
    (sdk) => sdk.campaigns.delete(campaignId),
    options,
  );
}

/** Who was sent the campaign, a page at a time. */
export async function* campaignRecipients(
  connection: Connection,
  campaignId: string,
  options?: CallOptions,
): AsyncGenerator<readonly CampaignRecipient[]> {
  for (let number = 1; ; number++) {
    const answer = await connection.call(
      'the recipients of a campaign',
      activityPage,
      (sdk) =>
        sdk.stats.getSentCampaignSubscribers(campaignId, {
          filter: {},
          limit: 100,
          page: number,
          include: 'subscriber',
        }),
      options,
    );
    yield answer.data.map(({ subscriber, opens_count, clicks_count }) => ({
      subscriber,
      opens: opens_count,
      clicks: clicks_count,
    }));
    if (number >= answer.meta.last_page) return;
  }
}
