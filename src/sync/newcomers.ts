import { inArray, sql } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { suppressions, TOPICS } from '../db/schema.ts';
import { recordConsent } from '../subscribers/consent-ledger.ts';
import { followConsent } from '../subscribers/consent-state.ts';
import { enrol, type Enrolment } from '../subscribers/enrol.ts';
import { suppressAddress, suppressedAmong, type SuppressionReason } from '../subscribers/suppressions.ts';
import { parseName } from '../subscribers/members.ts';
import { actsFor, heldNote, type Pair, type SeenContext, type SeenSummary } from './seen.ts';
import { noteDifferences } from './differences.ts';
import { saveSeen } from './links.ts';

/**
 * Takes people over whom only MailerLite has, as they are: the active ones with what their groups say, those
 * who left as people who have left. Who bounced or complained is put on the do-not-mail list; who never
 * confirmed has agreed to nothing and is left out; who was erased here is not taken back.
 */
export async function addNewcomers(
  tx: Tx,
  newcomers: readonly Pair[],
  context: SeenContext,
  summary: SeenSummary,
): Promise<void> {
  if (newcomers.length === 0) return;
  const { clock, addressHash } = context;
  const suppressed = await suppressedAmong(
    tx,
    newcomers.map(({ address }) => address.normalised),
    { addressHash },
  );
  await refuseErased(tx, newcomers, suppressed, context, summary);
  const welcome = newcomers.filter(({ address }) => !suppressed.has(address.normalised));
  for (const { there, address } of welcome) {
    if (there.status !== 'bounced' && there.status !== 'junk') continue;
    const reason = there.status === 'junk' ? 'complained' : 'bounced';
    await suppressAddress(
      tx,
      { normalised: address.normalised, reason, detail: `MailerLite: ${there.status}` },
      { clock, addressHash },
    );
  }
  const joining = uniqueAddresses(
    welcome.filter(({ there }) => there.status === 'active' || there.status === 'unsubscribed'),
  );
  const results = await enrol(tx, joining.map(enrolmentOf), {
    source: 'mailerlite_sync',
    clock,
    addressHash,
  });
  const added = joining.flatMap((pair, index) => {
    const result = results[index]!;
    return result.result === 'added' ? [{ pair, subscriberId: result.subscriberId }] : [];
  });
  await recordLeaving(tx, added, context);
  await saveSeen(
    tx,
    added.map(({ pair: { there, topics, address }, subscriberId }) => ({
      subscriberId,
      mailerliteId: there.id,
      status: there.status,
      topics: [...topics],
      email: address.normalised,
      emailThere: null,
      optedOutAt: there.unsubscribedAt?.toString() ?? null,
    })),
    context,
  );
  summary.added += added.length;
}

/** Two spellings that mean one address for us are one person; the one that is active speaks for them. */
function uniqueAddresses(pairs: readonly Pair[]): Pair[] {
  const byAddress = new Map<string, Pair>();
  for (const pair of pairs) {
    const before = byAddress.get(pair.address.normalised);
    if (before === undefined || pair.there.status === 'unsubscribed')
      byAddress.set(pair.address.normalised, pair);
  }
  return [...byAddress.values()];
}

function enrolmentOf({ there, address, topics }: Pair): Enrolment {
  const name = nameOf(there.name);
  return {
    address,
    topics: there.status === 'active' ? TOPICS.filter((topic) => topics.has(topic)) : [],
    note: heldNote(there),
    ...(name === undefined ? {} : { name }),
  };
}

function nameOf(text: string | null): string | undefined {
  try {
    return parseName(text ?? '');
  } catch {
    return undefined;
  }
}

/** Who had left MailerLite's list before they were first seen here has left: the refusal goes on record. */
async function recordLeaving(
  tx: Tx,
  added: readonly { readonly pair: Pair; readonly subscriberId: string }[],
  context: SeenContext,
): Promise<void> {
  const left = added.filter(({ pair }) => pair.there.status === 'unsubscribed');
  if (left.length === 0) return;
  const mapped = TOPICS.filter((topic) => context.groups.groupOf.has(topic));
  const acts = left.flatMap(({ pair, subscriberId }) => {
    const inGroups = TOPICS.filter((topic) => pair.topics.has(topic));
    const withdraw = inGroups.length > 0 ? inGroups : mapped.length > 0 ? mapped : TOPICS;
    return actsFor(pair, subscriberId, { give: [], withdraw }, context);
  });
  await recordConsent(tx, acts, context);
  await followConsent(
    tx,
    left.map(({ subscriberId }) => subscriberId),
    context,
  );
}

/**
 * Who was erased and is still, or again, in MailerLite is to be forgotten there, in whatever state; unless they came
 * back themselves, which somebody whom an administrator had removed before cannot. (Who was removed and not erased is
 * known here, and no newcomer.)
 */
async function refuseErased(
  tx: Tx,
  newcomers: readonly Pair[],
  suppressed: ReadonlyMap<string, SuppressionReason>,
  context: SeenContext,
  summary: SeenSummary,
): Promise<void> {
  const reasonOf = ({ address }: Pair) => suppressed.get(address.normalised);
  const erased = newcomers.filter((pair) => ['erased', 'removed'].includes(reasonOf(pair) ?? ''));
  if (erased.length === 0) return;
  const erasedAt = await erasureTimes(tx, erased, context);
  const cameBack = (pair: Pair): boolean => {
    const { status, optedInAt } = pair.there;
    const at = erasedAt.get(context.addressHash(pair.address.normalised));
    const mailable = status === 'active' || status === 'unconfirmed';
    if (!mailable || reasonOf(pair) === 'removed' || optedInAt === null || at === undefined) return false;
    return Temporal.Instant.compare(optedInAt, at) > 0;
  };
  const back = erased.filter(cameBack);
  const forget = erased.filter((pair) => !cameBack(pair)).map(({ there }) => there.id);
  summary.differences += await noteDifferences(
    tx,
    back.map(({ there }) => ({ kind: 'erased_returned', mailerliteId: there.id })),
    context,
  );
  if (forget.length === 0) return;
  await tx.execute(sql`
    insert into mailerlite_forgets (mailerlite_id, requested_at)
    select p.id, ${context.clock.now().toString()}::timestamptz
    from jsonb_array_elements_text(${JSON.stringify(forget)}::text::jsonb) as p(id)
    on conflict (mailerlite_id) do update set requested_at = excluded.requested_at, done_at = null
    where mailerlite_forgets.done_at is not null`);
}

async function erasureTimes(
  tx: Tx,
  pairs: readonly Pair[],
  { addressHash }: SeenContext,
): Promise<Map<string, Temporal.Instant>> {
  const hashes = pairs.map(({ address }) => addressHash(address.normalised));
  const found = await tx
    .select({ hash: suppressions.emailHash, at: suppressions.at })
    .from(suppressions)
    .where(inArray(suppressions.emailHash, hashes));
  return new Map(found.map(({ hash, at }) => [hash, at]));
}
