import {
  campaignRecipients,
  cancelCampaign,
  createCampaign,
  deleteCampaign,
  findCampaigns,
  getCampaign,
  scheduleCampaign,
  updateCampaign,
  type CampaignRecipient,
  type CampaignRequest,
  type MailerLiteCampaign,
} from './campaigns.ts';
import { createConnection, type CallOptions, type ConnectionOptions } from './connection.ts';
import { createGroup, getGroup, listGroups } from './groups.ts';
import type { PaceKind } from './pacing.ts';
import type { MailerLiteGroup, MailerLiteSubscriber, MailerLiteWebhook } from './schemas.ts';
import {
  applyChanges,
  countSubscribers,
  findSubscriber,
  listGroupMembers,
  listSubscribers,
  type ChangeResult,
  type ListQuery,
  type SubscriberChange,
  type SubscriberPage,
} from './subscribers.ts';
import { deleteWebhook, ensureWebhook, getWebhook, listWebhooks, type EnsuredWebhook } from './webhooks.ts';

/**
 * The part of MailerLite that Convenor uses. Every method throws `MailerLiteError` only and retries nothing: a
 * job decides that. See the functions of the same names for what each promises.
 */
export interface MailerLiteClient {
  /**
   * Waits for a place in the budget, for a call that follows at once with `turnTaken`. What to send is best decided
   * between the two: a wait can be long.
   */
  takeTurn(kind: PaceKind, signal?: AbortSignal): Promise<void>;

  listSubscribers(query: ListQuery, options?: CallOptions): Promise<SubscriberPage>;
  listGroupMembers(groupId: string, query: ListQuery, options?: CallOptions): Promise<SubscriberPage>;
  findSubscriber(idOrEmail: string, options?: CallOptions): Promise<MailerLiteSubscriber | undefined>;
  countSubscribers(options?: CallOptions): Promise<number>;
  applyChanges(changes: readonly SubscriberChange[], options?: CallOptions): Promise<ChangeResult[]>;

  listGroups(options?: CallOptions): Promise<MailerLiteGroup[]>;
  getGroup(id: string, options?: CallOptions): Promise<MailerLiteGroup>;
  createGroup(name: string, options?: CallOptions): Promise<MailerLiteGroup>;

  findCampaigns(mark: string, options?: CallOptions): Promise<MailerLiteCampaign[]>;
  getCampaign(id: string, options?: CallOptions): Promise<MailerLiteCampaign>;
  createCampaign(request: CampaignRequest, options?: CallOptions): Promise<MailerLiteCampaign>;
  updateCampaign(id: string, request: CampaignRequest, options?: CallOptions): Promise<MailerLiteCampaign>;
  scheduleCampaign(
    id: string,
    when: 'now' | Temporal.Instant,
    options?: CallOptions,
  ): Promise<MailerLiteCampaign>;
  cancelCampaign(id: string, options?: CallOptions): Promise<MailerLiteCampaign>;
  deleteCampaign(id: string, options?: CallOptions): Promise<void>;
  campaignRecipients(id: string, options?: CallOptions): AsyncGenerator<readonly CampaignRecipient[]>;

  listWebhooks(options?: CallOptions): Promise<MailerLiteWebhook[]>;
  ensureWebhook(url: string, options?: CallOptions): Promise<EnsuredWebhook>;
  getWebhook(id: string, options?: CallOptions): Promise<MailerLiteWebhook>;
  deleteWebhook(id: string, options?: CallOptions): Promise<void>;
}

/** A client of one MailerLite account. */
export function createMailerLiteClient(options: ConnectionOptions): MailerLiteClient {
  const connection = createConnection(options);
  return {
    takeTurn: (kind, signal) => options.pace.acquire(kind, signal),

    listSubscribers: (query, call) => listSubscribers(connection, query, call),
    listGroupMembers: (groupId, query, call) => listGroupMembers(connection, groupId, query, call),
    findSubscriber: (idOrEmail, call) => findSubscriber(connection, idOrEmail, call),
    countSubscribers: (call) => countSubscribers(connection, call),
    applyChanges: (changes, call) => applyChanges(connection, changes, call),

    listGroups: (call) => listGroups(connection, call),
    getGroup: (id, call) => getGroup(connection, id, call),
    createGroup: (name, call) => createGroup(connection, name, call),

    findCampaigns: (mark, call) => findCampaigns(connection, mark, call),
    getCampaign: (id, call) => getCampaign(connection, id, call),
    createCampaign: (request, call) => createCampaign(connection, request, call),
    updateCampaign: (id, request, call) => updateCampaign(connection, id, request, call),
    scheduleCampaign: (id, when, call) => scheduleCampaign(connection, id, when, call),
    cancelCampaign: (id, call) => cancelCampaign(connection, id, call),
    deleteCampaign: (id, call) => deleteCampaign(connection, id, call),
    campaignRecipients: (id, call) => campaignRecipients(connection, id, call),

    listWebhooks: (call) => listWebhooks(connection, call),
    ensureWebhook: (url, call) => ensureWebhook(connection, url, call),
    getWebhook: (id, call) => getWebhook(connection, id, call),
    deleteWebhook: (id, call) => deleteWebhook(connection, id, call),
  };
}
