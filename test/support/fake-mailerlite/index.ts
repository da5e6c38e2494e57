import { systemClock, type Clock } from '../../../src/kernel/clock.ts';
import { FakeAccount, type AccountBehaviour } from './account.ts';
import { addAutomation } from './automations.ts';
import { Deliveries, sign, type DeliveryResult, type SignedRequest } from './deliveries.ts';
import type { Fault } from './faults.ts';
import { editCampaign, type CampaignEdit } from './campaigns.ts';
import { addForm } from './forms.ts';
import { timestamp } from './reply.ts';
import { findGroup } from './groups.ts';
import { serve, type LoggedRequest } from './server.ts';
import type { Counts, Status } from './subscriber-store.ts';
import { changeStatus, findSubscriber, membership } from './subscribers.ts';

export interface FakeOptions {
  /** The token that calls must carry. */
  readonly apiKey?: string;
  /** 0, the default, takes a free port. */
  readonly port?: number;
  readonly clock?: Clock;
  readonly behaviour?: Partial<AccountBehaviour>;
  /** Sends webhook messages as they arise, with retries. Otherwise they wait for `deliver` or `takeDeliveries`. */
  readonly deliverAtOnce?: boolean;
}

/** What somebody does in MailerLite itself, by the app, a form or a mail server. */
export interface PersonAct {
  readonly email: string;
  readonly act: 'unsubscribe' | 'return' | 'bounce' | 'complain' | 'confirm' | 'delete' | 'join' | 'leave';
  /** The id of the group, for `join` and `leave`. */
  readonly group?: string;
  /** For `return`: by a form that the person confirmed by mail. */
  readonly confirmed?: boolean;
}

export type FakeMailerLite = Awaited<ReturnType<typeof startFakeMailerLite>>;

/**
 * A MailerLite account on this machine: the API at `baseUrl`, the same methods as below at
 * `POST /_control/<method>` with the argument as JSON, for other processes and for demonstrations.
 */
export async function startFakeMailerLite(options: FakeOptions = {}) {
  const clock = new ShiftedClock(options.clock ?? systemClock);
  const deliveries = new Deliveries();
  const account = new FakeAccount(clock, deliveries);
  Object.assign(account.behaviour, options.behaviour);

  const control = {
    /** Makes the next requests fail. */
    addFault: (fault: Fault) => server.faults.add(fault),
    clearFaults: () => server.faults.clear(),
    setBehaviour: (behaviour: Partial<AccountBehaviour>) => void Object.assign(account.behaviour, behaviour),
    /** Moves the account's clock forward. */
    advance: ({ seconds }: { seconds: number }) => clock.shift(seconds),

    createGroup: ({ name }: { name: string }) => account.presentGroup(account.createGroup(name)),
    createSegment: ({ name, group }: { name: string; group: string }) => {
      const id = account.newId();
      account.segments.set(id, { id, name, group: findGroup(account, group).id, created_at: account.now() });
      return { id };
    },
    createForm: (form: Parameters<typeof addForm>[1]) => ({ id: addForm(account, form).id }),
    createAutomation: (automation: Parameters<typeof addAutomation>[1]) => ({
      id: addAutomation(account, automation).id,
    }),
    /** A subscriber as it might long have been there; tells no webhook. */
    createSubscriber: ({ groups, ...values }: SeedSubscriber) => {
      const subscriber = account.createSubscriber({ ...values, groups: new Set(groups) });
      return account.presentSubscriber(subscriber, true);
    },
    /** Many subscribers at once: `person1@example.org` and so on. */
    createSubscribers: ({ count, ...values }: Omit<SeedSubscriber, 'email'> & { count: number }) => {
      const groups = new Set(values.groups);
      for (let number = 1; number <= count; number++) {
        account.createSubscriber({ ...values, groups, email: `person${number}@example.org` });
      }
      return { count };
    },
    /** The subscriber as the API shows it; fails when there is none. */
    subscriber: ({ email }: { email: string }) =>
      account.presentSubscriber(findSubscriber(account, email), true),
    counts: (): Counts => ({ ...account.subscribers.counts() }),
    /** Something that happens in MailerLite and not through its API. */
    act: ({ email, act, group, confirmed }: PersonAct) => {
      const subscriber = findSubscriber(account, email);
      const status = STATUS_AFTER[act];
      if (confirmed === true) account.subscribers.change(subscriber, { opted_in_at: account.now() });
      if (status !== undefined) changeStatus(account, subscriber, status);
      else if (act === 'delete') {
        account.subscribers.change(subscriber, { deleted_at: account.now() });
        deliveries.emit('subscriber.deleted', { account, subscriber });
      } else {
        const ids = [findGroup(account, group ?? '').id];
        membership(account, subscriber, act === 'join' ? ids : [], act === 'leave' ? ids : []);
      }
      afterRequest();
    },

    /** All campaigns, the oldest first, each with the ids of its groups and recipients. */
    campaigns: () =>
      [...account.campaigns.values()].map((campaign) => ({
        ...campaign,
        to: campaign.recipients.map((id) => account.subscribers.get(id)!.email),
      })),
    /** Somebody edits a campaign in MailerLite itself. */
    editCampaign: ({ id, ...changes }: CampaignEdit) => editCampaign(account, id, changes),
    /** Somebody schedules a campaign in MailerLite itself, to be sent within a minute. */
    scheduleCampaign: ({ id }: { id: string }) => {
      const at = timestamp(clock.now().add({ seconds: 60 }));
      Object.assign(account.campaigns.get(id)!, { status: 'ready', scheduled_for: at, delivery: 'instant' });
    },
    /** Somebody deletes a campaign. */
    deleteCampaign: ({ id }: { id: string }) => void account.campaigns.delete(id),

    requests: (): readonly LoggedRequest[] => [...server.log],
    clearRequests: () => void (server.log.length = 0),

    /** Sends the webhook messages that wait and the retries that are due. */
    deliver: (): Promise<DeliveryResult[]> => deliveries.deliver(clock.now(), account.now()),
    /** The webhook messages that wait, signed, for the caller to send in any order, twice, late or never. */
    takeDeliveries: (): SignedRequest[] => deliveries.take(),
    /** Signs a message of any content with a webhook's secret. */
    sign: ({ webhookId, payload }: { webhookId: string; payload: unknown }): SignedRequest => {
      const webhook = deliveries.webhooks.get(webhookId);
      if (webhook === undefined) throw new Error(`There is no webhook ${webhookId}.`);
      return sign(webhook, payload);
    },
    /** Blocks a webhook, as MailerLite does with one that fails for long. */
    blockWebhook: ({ id, responseCode }: { id: string; responseCode: number }) => {
      Object.assign(deliveries.webhooks.get(id)!, {
        is_blocked: true,
        enabled: false,
        response_code: responseCode,
      });
    },
  };

  let delivering: Promise<unknown> = Promise.resolve();
  const deliverSoon = () => {
    delivering = delivering.then(() => control.deliver());
  };
  const afterRequest = () => {
    if (options.deliverAtOnce === true && deliveries.waiting > 0) setImmediate(deliverSoon);
  };
  const retries = options.deliverAtOnce === true ? setInterval(deliverSoon, 1000) : undefined;

  const server = await serve({
    account,
    apiKey: options.apiKey ?? 'fake-key',
    port: options.port ?? 0,
    afterRequest,
    control: async (name, argument) => {
      const method = Object.hasOwn(control, name) ? control[name as keyof typeof control] : undefined;
      if (method === undefined)
        throw new Error(`There is no ${name}; try ${Object.keys(control).join(', ')}.`);
      return await (method as (argument: unknown) => unknown)(argument);
    },
  });

  return {
    ...control,
    baseUrl: server.baseUrl,
    apiKey: options.apiKey ?? 'fake-key',
    close: async () => {
      clearInterval(retries);
      await server.close();
      await delivering;
    },
  };
}

type SeedSubscriber = Partial<
  Omit<Parameters<FakeAccount['createSubscriber']>[0], 'groups' | 'email' | 'id'>
> & { readonly email: string; readonly groups?: readonly string[] };

const STATUS_AFTER: Readonly<Partial<Record<PersonAct['act'], Status>>> = {
  unsubscribe: 'unsubscribed',
  return: 'active',
  confirm: 'active',
  bounce: 'bounced',
  complain: 'junk',
};

/** A clock that can be pushed ahead of another. */
class ShiftedClock implements Clock {
  readonly #base: Clock;
  #seconds = 0;

  constructor(base: Clock) {
    this.#base = base;
  }

  now(): Temporal.Instant {
    return this.#base.now().add({ seconds: this.#seconds });
  }

  shift(seconds: number): void {
    this.#seconds += seconds;
  }
}
