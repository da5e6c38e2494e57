import { and, desc, eq, getTableColumns, isNull, lt, sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { mailerliteLinks, syncDifferences } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError, notFound } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { wantPush } from '../subscribers/mailerlite-wanted.ts';
import { removeSubscriber, updateSubscriber, type SubscriberContext } from '../subscribers/subscribers.ts';
import type { DifferenceKind } from './types.ts';

export type Resolution = 'dismiss' | 'retry' | 'remove_here' | 'put_back' | 'use_theirs';

interface DifferenceWords {
  readonly title: string;
  readonly explanation: string;
  /** What an administrator can do about it: one button each. */
  readonly resolutions: readonly { readonly action: Resolution; readonly label: string }[];
}

const DISMISS = { action: 'dismiss', label: 'Leave it as it is' } as const;

/** What each kind of difference means, and what can be done. */
export const DIFFERENCE_WORDS: Readonly<Record<DifferenceKind, DifferenceWords>> = {
  not_taken_back: {
    title: 'MailerLite does not take them back',
    explanation:
      'The person agreed here after they had left the list in MailerLite, which takes nobody back by its API. ' +
      'Send them the MailerLite form; mail from Convenor itself reaches them.',
    resolutions: [{ action: 'retry', label: 'Ask MailerLite again' }, DISMISS],
  },
  came_back_there: {
    title: 'Was put on the list again in MailerLite',
    explanation:
      'The person turned this off here, and was active in MailerLite again afterwards. A list never brings ' +
      'anybody back. If the person wants to come back, send them the link to join.',
    resolutions: [DISMISS],
  },
  gone_there: {
    title: 'Was removed in MailerLite',
    explanation: 'MailerLite no longer has this person. Nobody said that they want to leave.',
    resolutions: [
      { action: 'put_back', label: 'Put them back in MailerLite' },
      { action: 'remove_here', label: 'Remove them here too' },
      DISMISS,
    ],
  },
  refused: {
    title: 'MailerLite refuses this person',
    explanation: 'MailerLite did not accept what it was sent.',
    resolutions: [{ action: 'retry', label: 'Try again' }, DISMISS],
  },
  address_differs: {
    title: 'The address differs',
    explanation: 'MailerLite has another address for this person.',
    resolutions: [
      { action: 'use_theirs', label: 'Use the address that MailerLite has' },
      { action: 'retry', label: 'Give MailerLite the address that is here' },
      DISMISS,
    ],
  },
  unconfirmed_there: {
    title: 'MailerLite waits for a confirmation',
    explanation:
      'The account in MailerLite asks people who are added by its API to confirm. Until then it sends them ' +
      'nothing. They confirmed here already: switch “double opt-in for API” off in MailerLite.',
    resolutions: [{ action: 'retry', label: 'Look again' }, DISMISS],
  },
  erased_returned: {
    title: 'Somebody who was erased has come back in MailerLite',
    explanation:
      'The person asked for their data to be erased here, and confirmed a form in MailerLite afterwards. They ' +
      'are not taken over. If they want to be on this list, send them the link to join.',
    resolutions: [DISMISS],
  },
};

export type Difference = typeof syncDifferences.$inferSelect;

/** A difference with what a person needs to decide about it. */
export interface OpenDifference extends Difference {
  /** The address that MailerLite has, where it is another one. */
  readonly emailThere: string | null;
}

/** What no rule decides and nobody has dealt with, newest first. `before` is the id of the last row of the previous page. */
export async function listDifferences(
  tx: Tx,
  { limit = 50, before }: { limit?: number; before?: string } = {},
): Promise<OpenDifference[]> {
  return tx
    .select({ ...getTableColumns(syncDifferences), emailThere: mailerliteLinks.emailThere })
    .from(syncDifferences)
    .leftJoin(mailerliteLinks, eq(mailerliteLinks.subscriberId, syncDifferences.subscriberId))
    .where(
      and(
        isNull(syncDifferences.resolvedAt),
        before === undefined ? undefined : lt(syncDifferences.id, before),
      ),
    )
    .orderBy(desc(syncDifferences.id))
    .limit(limit);
}

/** A difference to be noted. Either the person here or the one there is named. */
export interface FoundDifference {
  readonly kind: DifferenceKind;
  readonly subscriberId?: string;
  readonly mailerliteId?: string | null;
  /** For the administrator; holds no address. */
  readonly detail?: string;
}

/** Notes differences; one that is open already, or was dismissed with the same detail, stays as it is. */
export async function noteDifferences(
  tx: Tx,
  found: readonly FoundDifference[],
  { clock }: { clock: Clock },
): Promise<number> {
  if (found.length === 0) return 0;
  const now = clock.now();
  const values = found.map(({ kind, subscriberId, mailerliteId, detail }) => ({
    id: newId(now),
    kind,
    subscriberId: subscriberId ?? null,
    mailerliteId: mailerliteId ?? null,
    detail: detail ?? '',
  }));
  const inserted = await rows(
    tx,
    sql`insert into sync_differences (id, kind, subscriber_id, mailerlite_id, detail, found_at)
      select p.id, p.kind, p."subscriberId", p."mailerliteId", p.detail, ${now.toString()}::timestamptz
      from jsonb_to_recordset(${JSON.stringify(values)}::text::jsonb)
        as p(id uuid, kind text, "subscriberId" uuid, "mailerliteId" text, detail text)
      where p.detail = '' or not exists (
        select 1 from sync_differences d
        where d.kind = p.kind and d.subscriber_id = p."subscriberId" and d.detail = p.detail
          and d.resolution = 'dismiss'
      )
      on conflict do nothing
      returning id`,
  );
  return inserted.length;
}

/** Closes differences that no longer hold, without a person. */
export async function settleDifferences(
  tx: Tx,
  settled: readonly { readonly subscriberId: string; readonly kinds: readonly DifferenceKind[] }[],
  { clock }: { clock: Clock },
): Promise<void> {
  const pairs = settled.flatMap(({ subscriberId, kinds }) => kinds.map((kind) => ({ subscriberId, kind })));
  if (pairs.length === 0) return;
  await tx.execute(sql`
    update sync_differences d
    set resolved_at = ${clock.now().toString()}::timestamptz, resolved_by = 'system', resolution = 'settled'
    from jsonb_to_recordset(${JSON.stringify(pairs)}::text::jsonb) as p("subscriberId" uuid, kind text)
    where d.subscriber_id = p."subscriberId" and d.kind = p.kind and d.resolved_at is null`);
}

/** The kinds of open differences of these people. */
export async function openDifferences(
  tx: Tx,
  subscriberIds: readonly string[],
): Promise<Map<string, DifferenceKind[]>> {
  if (subscriberIds.length === 0) return new Map();
  const found = await rows<{ subscriberId: string; kinds: DifferenceKind[] }>(
    tx,
    sql`select d.subscriber_id as "subscriberId", jsonb_agg(d.kind) as kinds from sync_differences d
      where d.resolved_at is null and d.subscriber_id in (
        select jsonb_array_elements_text(${JSON.stringify(subscriberIds)}::text::jsonb)::uuid
      )
      group by d.subscriber_id`,
  );
  return new Map(found.map(({ subscriberId, kinds }) => [subscriberId, kinds]));
}

/**
 * Does what an administrator decided about a difference.
 *
 * @throws ConvenorError `not_found`; `wrong_state` when it was dealt with already or this cannot be done about it.
 */
export async function resolveDifference(
  tx: Tx,
  { id, action }: { id: string; action: Resolution },
  context: SubscriberContext,
): Promise<void> {
  const { clock, actor } = context;
  await tx.transaction(async (inner) => {
    const [difference] = await inner
      .select()
      .from(syncDifferences)
      .where(eq(syncDifferences.id, id))
      .for('update');
    if (difference === undefined) throw notFound('difference', id);
    if (difference.resolvedAt !== null) {
      throw new ConvenorError('wrong_state', 'Somebody has dealt with this already.');
    }
    if (!DIFFERENCE_WORDS[difference.kind].resolutions.some((possible) => possible.action === action)) {
      throw new ConvenorError('wrong_state', 'This cannot be done about this difference.');
    }
    await close(inner, difference, { action, actor, clock });
    if (difference.subscriberId !== null) await act(inner, difference.subscriberId, action, context);
  });
}

async function close(
  tx: Tx,
  difference: Difference,
  { action, actor, clock }: { action: Resolution; actor: Actor; clock: Clock },
): Promise<void> {
  await tx
    .update(syncDifferences)
    .set({ resolvedAt: clock.now(), resolvedBy: actor, resolution: action })
    .where(eq(syncDifferences.id, difference.id));
  await recordAudit(
    tx,
    {
      actor,
      action: 'sync_difference.resolved',
      subject: difference.subscriberId ?? difference.id,
      before: difference.kind,
      after: action,
    },
    { clock },
  );
}

async function act(
  tx: Tx,
  subscriberId: string,
  action: Resolution,
  context: SubscriberContext,
): Promise<void> {
  switch (action) {
    case 'dismiss':
      return;
    case 'remove_here':
      await removeSubscriber(tx, { id: subscriberId, reason: 'Removed in MailerLite' }, context);
      return;
    case 'use_theirs': {
      const [link] = await tx
        .select()
        .from(mailerliteLinks)
        .where(eq(mailerliteLinks.subscriberId, subscriberId));
      if (!link?.emailThere) return;
      await updateSubscriber(tx, { id: subscriberId, email: link.emailThere }, context);
      await agreeOnTheirs(tx, subscriberId);
      return;
    }
    case 'put_back':
      await tx
        .update(mailerliteLinks)
        .set({ mailerliteId: null, status: null, topics: [], email: null, emailThere: null })
        .where(eq(mailerliteLinks.subscriberId, subscriberId));
      break;
    case 'retry':
      // Where the address differs: from now on it is ours that changed.
      await agreeOnTheirs(tx, subscriberId);
      break;
  }
  await tx
    .update(mailerliteLinks)
    .set({ attempts: 0, retryAt: null })
    .where(eq(mailerliteLinks.subscriberId, subscriberId));
  await wantPush(tx, [{ subscriberId, urgent: false }], context);
}

async function agreeOnTheirs(tx: Tx, subscriberId: string): Promise<void> {
  await tx.execute(sql`
    update mailerlite_links l set email = l.email_there, email_there = null
    where l.subscriber_id = ${subscriberId} and l.email_there is not null`);
}
