import type { FakeAccount, Routes } from './account.ts';
import { statistics } from './campaign-email.ts';
import { limitOf, numberedPage } from './paging.ts';
import { noSuch } from './reply.ts';

export interface StoredAutomation {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  /** Whoever joins this group gets its one e-mail. */
  readonly group: string;
  readonly created_at: string;
}

/** Adds an automation, which only the app can do. */
export function addAutomation(
  account: FakeAccount,
  values: { name: string; group: string },
): StoredAutomation {
  const automation = { ...values, id: account.newId(), enabled: true, created_at: account.now() };
  account.automations.set(automation.id, automation);
  return automation;
}

export const automationRoutes: Routes = {
  'GET /automations': (request) => {
    const { account, query } = request;
    const name = query.get('filter[name]') ?? '';
    const enabled = query.get('filter[enabled]');
    const found = [...account.automations.values()].filter(
      (automation) =>
        automation.name.includes(name) && (enabled === null || String(automation.enabled) === enabled),
    );
    return numberedPage(
      request,
      found,
      limitOf(request, 10, 100),
      (automation) =>
        present(account, automation, { emails_count: 1, first_email_screenshot_url: screenshot(automation) }),
      { aggregations: { all: account.automations.size } },
    );
  },
  'GET /automations/{id}': ({ account, params }) => ({
    status: 200,
    body: { data: present(account, findAutomation(account, params['id']!)) },
  }),
  'GET /automations/{id}/activity': (request) => {
    findAutomation(request.account, request.params['id']!);
    return numberedPage(request, [], limitOf(request, 10, 100), (item) => item);
  },
};

function findAutomation(account: FakeAccount, id: string): StoredAutomation {
  const automation = account.automations.get(id);
  if (automation === undefined) throw noSuch('Automation\\Automation', id);
  return automation;
}

function screenshot(automation: StoredAutomation): string {
  return `https://storage.googleapis.com/mailerlite-screenshots-prod/screenshot/emails/${automation.id}/1284x736.png`;
}

function present(
  account: FakeAccount,
  automation: StoredAutomation,
  extra: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const part = (offset: bigint) => String(BigInt(automation.id) + offset);
  const group = account.groups.get(automation.group)!;
  const mail = {
    name: automation.name,
    subject: automation.name,
    from: account.senders[0],
    from_name: 'Test account',
    reply_to: account.senders[0],
  };
  const numbers = statistics(0);
  const { click_to_open_rate, forwards_count: _forwards, ...counts } = numbers;
  return {
    id: automation.id,
    name: automation.name,
    enabled: automation.enabled,
    trigger_data: { track_ecommerce: false, repeatable: false, valid: true },
    triggers: [
      {
        id: part(1n),
        type: 'subscriber_joins_group',
        group_ids: [group.id],
        groups: [{ id: group.id, name: group.name, url: 'https://dashboard.mailerlite.com/subscribers' }],
        exclude_group_ids: [],
        excluded_groups: [],
        broken: false,
      },
    ],
    complete: true,
    broken: false,
    warnings: [],
    ...extra,
    stats: {
      completed_subscribers_count: 0,
      subscribers_in_queue_count: 0,
      bounce_rate: counts['hard_bounce_rate'],
      click_to_open_rate,
      ...counts,
      unique_opens_count: null,
      unique_clicks_count: null,
      social_interactions_count: null,
    },
    created_at: automation.created_at,
    has_banned_content: false,
    qualified_subscribers_count: 0,
    steps: [
      {
        id: part(2n),
        type: 'email',
        parent_id: null,
        ...mail,
        email_id: part(3n),
        email: {
          id: part(3n),
          account_id: account.accountId,
          emailable_id: automation.id,
          emailable_type: 'automations',
          type: 'builder',
          ...mail,
          plain_text: 'Hello,\n\nYou have received a newsletter from {$account}.\n',
          screenshot_url: screenshot(automation),
          preview_url: `https://preview.mailerlite.io/preview/${account.accountId}/emails/${part(3n)}`,
          created_at: automation.created_at,
          updated_at: automation.created_at,
          is_designed: true,
          language_id: 4,
          is_winner: false,
          stats: numbers,
          send_after: null,
          track_opens: true,
          uses_survey: false,
          uses_quiz: false,
          preheader: null,
        },
        language_id: 4,
        complete: true,
        created_at: automation.created_at,
        updated_at: automation.created_at,
        track_opens: true,
        google_analytics: null,
        tracking_was_disabled: false,
        broken: false,
        description: 'E-mail',
        type_count: 1,
      },
    ],
  };
}
