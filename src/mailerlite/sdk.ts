import sdk from '@mailerlite/mailerlite-nodejs';

/**
 * The official SDK, typed by hand. Its own declarations do not load under `nodenext` (the class reads as a
 * namespace) and contradict the service in many places: ids, null dates, batch bodies, pages. Answers are
 * therefore `unknown` here and are parsed at the call.
 */
export interface SdkAnswer {
  readonly status: number;
  readonly data: unknown;
}

type Answer = Promise<SdkAnswer>;
type Params = Readonly<Record<string, unknown>>;
type Body = Readonly<Record<string, unknown>>;

export interface Sdk {
  readonly subscribers: {
    get(params: Params): Answer;
    find(idOrEmail: string): Answer;
    getCount(): Answer;
    createOrUpdate(body: Body): Answer;
    update(id: string, body: Body): Answer;
    forget(id: string): Answer;
  };
  readonly groups: {
    get(params: Params): Answer;
    create(body: Body): Answer;
    getSubscribers(id: string, params: Params): Answer;
    assignSubscriber(subscriberId: string, groupId: string): Answer;
    unAssignSubscriber(subscriberId: string, groupId: string): Answer;
  };
  readonly campaigns: {
    get(params: Params): Answer;
    find(id: string): Answer;
    create(body: Body): Answer;
    update(id: string, body: Body): Answer;
    schedule(id: string, body: Body): Answer;
    cancel(id: string): Answer;
    delete(id: string): Answer;
  };
  readonly stats: { getSentCampaignSubscribers(id: string, body: Body): Answer };
  readonly batches: { send(body: Body): Answer };
  readonly webhooks: {
    find(id: string): Answer;
    create(body: Body): Answer;
    update(id: string, body: Body): Answer;
    delete(id: string): Answer;
  };
  readonly timezones: { get(): Answer };
}

const Constructor = sdk as unknown as new (options: { api_key: string; base_path: string }) => Sdk;

/** An SDK object for one account. `baseUrl` has neither `/api` nor a slash at the end: the SDK adds `/api`. */
export function createSdk(apiKey: string, baseUrl: string): Sdk {
  return new Constructor({ api_key: apiKey, base_path: baseUrl });
}

/**
 * Parameters as the SDK needs them: it sends `undefined` as the text "undefined" and fails on null, so both
 * are left out.
 */
export function withoutEmpty(params: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(params).filter(([, value]) => value !== undefined && value !== null),
  );
}
