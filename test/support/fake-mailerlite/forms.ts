import type { FakeAccount, Routes } from './account.ts';
import { statusFilter } from './groups.ts';
import { limitOf, numberedPage, subscriberPage } from './paging.ts';
import { isoTimestamp, noSuch, rate, Refusal } from './reply.ts';

export interface StoredForm {
  readonly id: string;
  readonly type: 'popup' | 'embedded' | 'promotion';
  name: string;
  readonly group: string;
  readonly created_at: string;
  /** When somebody last registered with it; such a form has its display settings too. */
  readonly lastRegistration: string | null;
}

/** Adds a form, which only the app can do. */
export function addForm(account: FakeAccount, values: Omit<StoredForm, 'id' | 'created_at'>): StoredForm {
  const form = { ...values, id: account.newId(), created_at: account.now() };
  account.forms.set(form.id, form);
  return form;
}

export const formRoutes: Routes = {
  'GET /forms/{type}': (request) => {
    const { account, params, query } = request;
    const type = params['type']!;
    if (!['popup', 'embedded', 'promotion'].includes(type)) {
      throw new Refusal(404, { message: `The route api/forms/${type} could not be found.` });
    }
    const forms = [...account.forms.values()];
    const name = query.get('filter[name]') ?? '';
    const count = (one: string) => forms.filter((form) => form.type === one).length;
    return numberedPage(
      request,
      forms.filter((form) => form.type === type && form.name.includes(name)),
      limitOf(request, 25, 100),
      (form) => presentForm(account, form),
      { aggregations: { popup: count('popup'), embedded: count('embedded'), promotion: count('promotion') } },
    );
  },
  'GET /forms/{id}/subscribers': (request) => {
    const { group } = findForm(request.account, request.params['id']!);
    const inStatus = statusFilter(request, 'active');
    return subscriberPage(
      request,
      limitOf(request, 50, 1000),
      (subscriber) => subscriber.source === 'webform' && subscriber.groups.has(group) && inStatus(subscriber),
    );
  },
  'PUT /forms/{id}': ({ account, params, body }) => {
    const form = findForm(account, params['id']!);
    form.name = String(body['name']);
    return { status: 200, body: { data: presentForm(account, form) } };
  },
  'DELETE /forms/{id}': ({ account, params }) => {
    account.forms.delete(findForm(account, params['id']!).id);
    return { status: 204 };
  },
};

function findForm(account: FakeAccount, id: string): StoredForm {
  const form = account.forms.get(id);
  if (form === undefined) throw noSuch('Form\\Form', id);
  return form;
}

function presentForm(account: FakeAccount, form: StoredForm): Record<string, unknown> {
  const display = {
    triggers: ['timeout'],
    timeout_seconds: 5,
    scroll_percentage: 50,
    frequency: 1,
    frequency_unit: 'months',
    visibility: 'always',
    url_list: [],
    url_list_strict: null,
    hide_on: [],
    schedule: false,
  };
  return {
    id: form.id,
    account_id: account.accountId,
    type: form.type,
    slug: `f${form.id.slice(-5)}`,
    name: form.name,
    created_at: form.created_at,
    conversions_count: 0,
    opens_count: 0,
    conversion_rate: rate(0, 0),
    conversions_count_including_children: 0,
    opens_count_including_children: 0,
    conversion_rate_including_children: rate(0, 0),
    settings: {
      double_optin: true,
      groot_id: 3_330_365,
      form_type: 'fullscreen',
      ...(form.lastRegistration === null ? {} : display),
    },
    last_registration_at: isoTimestamp(form.lastRegistration),
    active: false,
    is_broken: false,
    warning_messages: [],
    has_content: true,
    can: { update: true },
    used_in_automations: false,
    warnings: [],
    double_optin: true,
    screenshot_url: `https://storage.googleapis.com/mailerlite-screenshots-prod/screenshot/forms/${form.id}/1284x1284.png`,
    has_missing_groups: false,
    groups: [account.presentGroup(account.groups.get(form.group)!)],
    has_split_tests: false,
    split_test_finished: false,
    split_test_enabled: false,
    split_percentage: 0,
    is_split_test_winner: false,
    children: [],
    parent_id: null,
    original_name: null,
    analytics_reset_at: null,
    uses_survey: false,
  };
}
