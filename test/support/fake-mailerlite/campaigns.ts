import type { FakeAccount, Routes } from './account.ts';
import { type presentEmail, storeContent, type StoredEmail } from './campaign-email.ts';
import { inAudience, missingData, presentCampaign, type Extra } from './campaign-view.ts';
import { groupIds } from './groups.ts';
import { numberedPage } from './paging.ts';
import { instantOf, invalid, noSuch, Refusal, timestamp, type Reply } from './reply.ts';
import { scheduledInstant } from './reference.ts';

type Body = Readonly<Record<string, unknown>>;

export interface StoredCampaign {
  readonly id: string;
  name: string;
  type: string;
  status: 'draft' | 'ready' | 'sent';
  language: string;
  groups: string[];
  segments: string[];
  tracksOrders: boolean;
  delivery: string | null;
  readonly created_at: string;
  updated_at: string;
  scheduled_for: string | null;
  queued_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  stopped_at: string | null;
  email: StoredEmail;
  recipients: string[];
}

const TYPES = ['regular', 'ab', 'resend', 'multivariate'];
const LIMITS = [1, 10, 25, 50, 100];

export const campaignRoutes: Routes = {
  'GET /campaigns': (request) => {
    const { account, query } = request;
    const campaigns = [...account.campaigns.values()].reverse();
    const status = query.get('filter[status]') ?? 'ready';
    if (!['draft', 'ready', 'sent'].includes(status)) {
      throw invalid({ 'filter.status': ['The selected filter.status is invalid.'] });
    }
    const type = query.get('filter[type]');
    const limit = Number(query.get('limit') ?? '25');
    if (!LIMITS.includes(limit)) throw invalid({ limit: ['The selected limit is invalid.'] });
    const count = (one: string) => campaigns.filter((campaign) => campaign.status === one).length;
    return numberedPage(
      request,
      campaigns.filter((campaign) => campaign.status === status && (type === null || campaign.type === type)),
      limit,
      (campaign) => presentCampaign(account, campaign, ['language', 'stats', 'initial_created_at'], {}),
      {
        aggregations: {
          all: campaigns.length,
          draft: count('draft'),
          ready: count('ready'),
          sent: count('sent'),
        },
      },
    );
  },
  'GET /campaigns/{id}': ({ account, params }) => {
    const campaign = findCampaign(account, params['id']!);
    const sent = campaign.status === 'sent';
    return shown(
      200,
      account,
      campaign,
      sent ? ['language', 'stats'] : ['language', 'recipients_count', 'next_step'],
      {
        content: true,
        clicks: true,
        language: !sent,
      },
    );
  },
  'POST /campaigns': ({ account, body }) => {
    checkCampaign(account, body);
    const now = account.now();
    const id = account.newId();
    const campaign: StoredCampaign = {
      id,
      name: body['name'] as string,
      type: body['type'] as string,
      status: 'draft',
      language: readLanguage(body),
      ...readAudience(account, body),
      tracksOrders: (body['settings'] as Body | undefined)?.['ecommerce_tracking'] === true,
      delivery: null,
      created_at: now,
      updated_at: now,
      scheduled_for: null,
      queued_at: null,
      started_at: null,
      finished_at: null,
      stopped_at: null,
      email: storeContent(account, id, firstEmail(body)),
      recipients: [],
    };
    account.campaigns.set(id, campaign);
    return shown(201, account, campaign, ['language', 'recipients_count', 'next_step'], {
      language: true,
    });
  },
  'PUT /campaigns/{id}': ({ account, params, body }) => {
    const campaign = findCampaign(account, params['id']!);
    if (campaign.status !== 'draft') throw new Refusal(422, { message: 'Campaign is not with status draft' });
    checkCampaign(account, { type: campaign.type, ...body });
    campaign.name = body['name'] as string;
    campaign.language = readLanguage(body);
    // An audience that is left out, or empty, makes it everybody.
    Object.assign(campaign, readAudience(account, body));
    campaign.email = storeContent(account, campaign.id, firstEmail(body), campaign.email);
    campaign.updated_at = account.now();
    return shown(200, account, campaign, ['recipients_count', 'next_step'], {
      content: true,
      language: true,
    });
  },
  'POST /campaigns/{id}/schedule': ({ account, params, body }) => {
    const campaign = findCampaign(account, params['id']!);
    if (campaign.status !== 'draft') throw new Refusal(422, { message: 'Campaign is not with status draft' });
    if (missingData(campaign).length > 0) throw new Refusal(422, { message: 'Campaign settings missing' });
    const at = scheduledInstant(account, body);
    const now = account.now();
    Object.assign(campaign, {
      status: 'ready',
      delivery: body['delivery'],
      scheduled_for: timestamp(at),
      stopped_at: null,
      updated_at: now,
    });
    campaign.email.screenshot = true;
    return shown(200, account, campaign, [], { content: true, language: true });
  },
  'POST /campaigns/{id}/cancel': ({ account, params }) => {
    const campaign = findCampaign(account, params['id']!);
    if (campaign.status !== 'ready') throw new Refusal(400, { message: 'Campaign is not with status ready' });
    const now = account.now();
    Object.assign(campaign, { status: 'draft', stopped_at: now, updated_at: now });
    return shown(200, account, campaign, ['next_step'], { content: true, language: true });
  },
  'DELETE /campaigns/{id}': ({ account, params }) => {
    account.campaigns.delete(findCampaign(account, params['id']!).id);
    return { status: 204 };
  },
  'POST /campaigns/{id}/reports/subscriber-activity': (request) => {
    const { account, body } = request;
    const campaign = findCampaign(account, request.params['id']!);
    const query = new URLSearchParams({ page: String(Number(body['page'] ?? 1)) });
    const type = (body['filter'] as Body | undefined)?.['type'];
    const counts = { all: campaign.recipients.length, opened: 0, unopened: campaign.recipients.length };
    const none = [
      'clicked',
      'unsubscribed',
      'forwarded',
      'hardbounced',
      'softbounced',
      'social_interaction',
      'junk',
    ];
    return numberedPage(
      { ...request, query },
      type === undefined || type === 'unopened' ? campaign.recipients : [],
      Number(body['limit'] ?? 10),
      (id) => ({
        id: String(BigInt(id) + 1n),
        opens_count: 0,
        clicks_count: 0,
        ...(body['include'] === 'subscriber'
          ? { subscriber: account.presentSubscriber(account.subscribers.get(id)!, false) }
          : {}),
      }),
      { aggregations: { ...counts, ...Object.fromEntries(none.map((key) => [key, 0])) } },
    );
  },
};

/** Sends what is due: a campaign that is ready and whose time has come is sent to its audience as it is now. */
export function sendDueCampaigns(account: FakeAccount): void {
  const now = account.clock.now();
  for (const campaign of account.campaigns.values()) {
    if (campaign.status !== 'ready' || Temporal.Instant.compare(instantOf(campaign.scheduled_for!), now) > 0)
      continue;
    const stamp = timestamp(now);
    const recipients = [...account.subscribers].filter(
      (subscriber) => subscriber.status === 'active' && inAudience(account, campaign, subscriber.groups),
    );
    for (const subscriber of recipients)
      account.subscribers.change(subscriber, { sent: subscriber.sent + 1 });
    campaign.recipients = recipients.map(({ id }) => id);
    Object.assign(campaign, { status: 'sent', queued_at: stamp, started_at: stamp, finished_at: stamp });
    account.deliveries.emit('campaign.sent', {
      account,
      about: {
        id: campaign.id,
        name: campaign.name,
        total_recipients: campaign.recipients.length,
        preview_url: `https://preview.mailerlite.io/preview/${account.accountId}/emails/${campaign.email.id}`,
        date: stamp,
      },
    });
  }
}

/** What somebody changes of a campaign in MailerLite itself. */
export interface CampaignEdit {
  readonly id: string;
  readonly name?: string;
  readonly subject?: string;
  readonly content?: string;
  readonly groups?: string[];
}

export function editCampaign(account: FakeAccount, id: string, changes: Omit<CampaignEdit, 'id'>): void {
  const campaign = findCampaign(account, id);
  const { name, subject, content, groups } = changes;
  if (name !== undefined) campaign.name = name;
  if (groups !== undefined) campaign.groups = groups;
  if (subject !== undefined) campaign.email.subject = subject;
  if (content !== undefined) campaign.email.content = content;
  campaign.updated_at = account.now();
}

function checkCampaign(account: FakeAccount, body: Body): void {
  const errors: Record<string, string[]> = {};
  const text = (value: unknown, field: string, label = field) => {
    if (typeof value !== 'string' || value === '') errors[field] = [`The ${label} field is required.`];
    else if (value.length > 255) errors[field] = [`The ${label} must not be greater than 255 characters.`];
  };
  text(body['name'], 'name');
  if (!TYPES.includes(body['type'] as string)) errors['type'] = ['The selected type is invalid.'];
  const emails = body['emails'];
  if (!Array.isArray(emails) || emails.length !== 1) errors['emails'] = ['The emails must contain 1 items.'];
  else {
    const email = emails[0] as Body;
    for (const key of ['subject', 'from_name', 'from']) text(email[key], `emails.0.${key}`);
  }
  if (Object.keys(errors).length > 0) throw invalid(errors);
  if (firstEmail(body)['content'] !== undefined && !account.behaviour.contentAllowed) {
    throw invalid({ 'emails.0.content': ['Content submission is only available on advanced plan.'] });
  }
}

function firstEmail(body: Body): Body {
  return (body['emails'] as readonly Body[])[0]!;
}

function readLanguage(body: Body): string {
  return String((body['language_id'] as number | string | undefined) ?? 4);
}

/** Groups and segments of a request; when both are given, segments win. */
function readAudience(account: FakeAccount, body: Body): { groups: string[]; segments: string[] } {
  const groups = body['groups'] === undefined ? [] : groupIds(account, body['groups']);
  const segments = (body['segments'] as string[] | undefined) ?? [];
  const unknown = segments.findIndex((id) => !account.segments.has(id));
  if (unknown >= 0)
    throw invalid({ [`segments.${unknown}`]: [`The selected segments.${unknown} is invalid.`] });
  return segments.length > 0 ? { groups: [], segments } : { groups, segments: [] };
}

function findCampaign(account: FakeAccount, id: string): StoredCampaign {
  const campaign = account.campaigns.get(id);
  if (campaign === undefined) throw noSuch('Campaign', id);
  return campaign;
}

function shown(
  status: number,
  account: FakeAccount,
  campaign: StoredCampaign,
  extra: readonly Extra[],
  email: Parameters<typeof presentEmail>[2],
): Reply {
  return { status, body: { data: presentCampaign(account, campaign, extra, email) } };
}
