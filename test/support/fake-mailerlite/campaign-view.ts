import type { FakeAccount } from './account.ts';
import { presentEmail, statistics } from './campaign-email.ts';
import type { StoredCampaign } from './campaigns.ts';
import { languageOf } from './reference.ts';

/** The keys of a campaign that only some calls answer with. */
export type Extra = 'language' | 'stats' | 'recipients_count' | 'next_step' | 'initial_created_at';

/** Whether somebody in these groups gets the campaign; without groups and segments everybody does. */
export function inAudience(
  account: FakeAccount,
  campaign: StoredCampaign,
  groups: ReadonlySet<string>,
): boolean {
  if (campaign.segments.length > 0)
    return campaign.segments.some((id) => groups.has(account.segments.get(id)!.group));
  return campaign.groups.length === 0 || campaign.groups.some((id) => groups.has(id));
}

function recipientsCount(account: FakeAccount, campaign: StoredCampaign): number {
  if (campaign.segments.length + campaign.groups.length === 0) return account.subscribers.counts().active;
  let count = 0;
  for (const { status, groups } of account.subscribers) {
    if (status === 'active' && inAudience(account, campaign, groups)) count += 1;
  }
  return count;
}

/** What a campaign lacks before it can be scheduled. */
export function missingData(campaign: StoredCampaign): string[] {
  return campaign.email.content === '' ? ['content'] : [];
}

/** The campaign as a call shows it. */
export function presentCampaign(
  account: FakeAccount,
  campaign: StoredCampaign,
  extra: readonly Extra[],
  email: Parameters<typeof presentEmail>[2],
): Record<string, unknown> {
  const audience = [
    ['groups', campaign.groups],
    ['segments', campaign.segments],
  ] as const;
  const filter = audience.flatMap(([kind, ids]) =>
    ids.length === 0 ? [] : [[{ operator: 'in_any', args: [kind, ids] }]],
  );
  const draft = campaign.status === 'draft';
  const complete = missingData(campaign).length === 0;
  const some = {
    language: () => languageOf(campaign.language),
    stats: () => statistics(campaign.recipients.length),
    recipients_count: () => recipientsCount(account, campaign),
    next_step: () => null,
    initial_created_at: () => null,
  } satisfies Record<Extra, () => unknown>;
  return {
    id: campaign.id,
    account_id: account.accountId,
    name: campaign.name,
    type: campaign.type,
    status: campaign.status,
    missing_data: missingData(campaign),
    settings: { track_opens: true, use_google_analytics: false, ecommerce_tracking: campaign.tracksOrders },
    filter,
    filter_for_humans: filter.map(() => ['In any of the chosen']),
    delivery_schedule: campaign.delivery,
    language_id: campaign.language,
    created_at: campaign.created_at,
    updated_at: campaign.updated_at,
    scheduled_for: campaign.scheduled_for,
    queued_at: campaign.queued_at,
    started_at: campaign.started_at,
    finished_at: campaign.finished_at,
    stopped_at: campaign.stopped_at,
    default_email_id: campaign.email.id,
    emails: [presentEmail(account, campaign, email)],
    used_in_automations: false,
    type_for_humans: campaign.type[0]!.toUpperCase() + campaign.type.slice(1),
    is_stopped: campaign.stopped_at !== null,
    has_winner: null,
    winner_version_for_human: null,
    winner_sending_time_for_humans: null,
    winner_selected_manually_at: null,
    can: { update: true, delete: true, send: true, copy: true, resend: campaign.status === 'sent' },
    uses_ecommerce: campaign.tracksOrders,
    ecommerce_stats: { total_orders: 0, total_price: '0', multi_currency: false },
    uses_survey: false,
    can_be_scheduled: draft && complete,
    is_smart_sending_index_option_finished: false,
    is_applied_for_smart_sending_index_option: false,
    warnings: [],
    is_currently_sending_out: false,
    can_be_copied: true,
    has_basic_filter: true,
    basic_filter_for_humans: {
      // These ids are bare numbers: a JSON parser corrupts them.
      included_groups: campaign.groups.map((id) => ({
        id: Number(id),
        name: account.groups.get(id)?.name ?? '',
      })),
      excluded_groups: [],
      included_segments: campaign.segments.map((id) => ({
        id: Number(id),
        name: account.segments.get(id)!.name,
      })),
      excluded_segments: [],
      all_active_subscribers: filter.length === 0,
    },
    is_eligible_for_sending: complete,
    needs_repair: false,
    ...Object.fromEntries(extra.map((key) => [key, some[key]()])),
  };
}
