import { sql } from 'drizzle-orm';
import { rows, type Db, type Tx } from '../db/open.ts';
import type { Topic } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import type { EmailAddress } from '../kernel/email-address.ts';
import { newId } from '../kernel/ids.ts';
import type { AddressHash } from './address-hash.ts';
import { recordConsent, type ConsentAct } from './consent-ledger.ts';
import { followConsent, lockSubscribers, type LockedSubscriber } from './consent-state.ts';
import { wantPush } from './mailerlite-wanted.ts';
import type { MemberKind } from './members.ts';
import { SUPPRESSION_WORDS, suppressedAmong } from './suppressions.ts';

/** Somebody whose agreement is held elsewhere: on a list that is imported, with the administrator, at MailerLite. */
export interface Enrolment {
  readonly address: EmailAddress;
  readonly name?: string;
  readonly memberKind?: MemberKind;
  readonly hcpcNumber?: string;
  readonly topics: readonly Topic[];
  /** Where the agreement is held, for the ledger. */
  readonly note: string;
}

export type EnrolmentResult =
  | { readonly result: 'added' | 'updated' | 'unchanged'; readonly subscriberId: string }
  | { readonly result: 'rejected'; readonly reason: string };

type Source = 'import' | 'administrator' | 'mailerlite_sync';

interface Existing extends LockedSubscriber {
  readonly name: string | null;
  readonly memberKind: MemberKind | null;
  readonly hcpcNumber: string | null;
}

/**
 * Puts people on the list on somebody else's word. It never brings back who has left, was removed, turned a
 * topic off or is on the do-not-mail list: only their own act can. For somebody who is on the list it adds
 * topics that were never spoken of and takes over a name, membership kind or HCPC number that is given.
 *
 * @param people each address once.
 * @returns one result for each, in the same order.
 */
export async function enrol(
  tx: Tx,
  people: readonly Enrolment[],
  { source, clock, addressHash }: { source: Source; clock: Clock; addressHash: AddressHash },
): Promise<EnrolmentResult[]> {
  if (people.length === 0) return [];
  return tx.transaction(async (inner) => {
    const addresses = people.map((person) => person.address.normalised);
    const suppressedBefore = await suppressedAmong(inner, addresses, { addressHash });
    const allowed = people.filter((person) => !suppressedBefore.has(person.address.normalised));
    const added = await insertNew(inner, allowed, clock);
    const existing = await readExisting(
      inner,
      allowed.map((person) => person.address.normalised).filter((address) => !added.has(address)),
    );
    // The statements above may have waited for an erasure or a removal to end.
    const suppressed = await suppressedAmong(inner, addresses, { addressHash });
    await takeBack(
      inner,
      [...added].filter(([address]) => suppressed.has(address)).map(([, id]) => id),
    );
    const acts: ConsentAct[] = [];
    const changed: { id: string; person: Enrolment; consent: boolean }[] = [];
    const results = people.map((person): EnrolmentResult => {
      const why = suppressed.get(person.address.normalised);
      if (why !== undefined) return { result: 'rejected', reason: SUPPRESSION_WORDS[why] };
      const newcomer = added.get(person.address.normalised);
      if (newcomer !== undefined) {
        acts.push(...actsFor(newcomer, person, person.topics, source));
        return { result: 'added', subscriberId: newcomer };
      }
      const known = existing.get(person.address.normalised);
      if (known === undefined) return { result: 'rejected', reason: 'was erased at this moment; try again' };
      const reason = refusal(known, person.topics);
      if (reason !== undefined) return { result: 'rejected', reason };
      const topics = person.topics.filter((topic) => !known.topics.has(topic));
      acts.push(...actsFor(known.id, person, topics, source));
      if (topics.length === 0 && !differs(known, person))
        return { result: 'unchanged', subscriberId: known.id };
      changed.push({ id: known.id, person, consent: topics.length > 0 });
      return { result: 'updated', subscriberId: known.id };
    });
    await updateDetails(inner, changed, clock);
    await recordConsent(inner, acts, { clock });
    await followConsent(
      inner,
      changed.filter((change) => change.consent).map((change) => change.id),
      { clock },
    );
    if (source !== 'mailerlite_sync') {
      await wantPush(
        inner,
        changed.map(({ id }) => ({ subscriberId: id, urgent: false })),
        { clock },
      );
    }
    return results;
  });
}

/**
 * Lets the database look at its tables afresh after many people were added: the embedded one never does so by
 * itself, and plans its queries for an empty list until then.
 */
export async function refreshStatistics(db: Db): Promise<void> {
  await db.execute(sql`analyze subscribers, topic_subscriptions, consent_events, mailerlite_links`);
}

function refusal(known: Existing, topics: readonly Topic[]): string | undefined {
  if (known.state === 'removed') return SUPPRESSION_WORDS.removed;
  if (known.state === 'left') return 'has left the list; only they can come back, with the link to join';
  const off = topics.filter((topic) => known.topics.get(topic) === false);
  if (off.length === 0) return undefined;
  return `does not want mail about ${off.join(' and ')} any more; only they can turn it on again`;
}

function differs(known: Existing, person: Enrolment): boolean {
  return (
    (person.name !== undefined && person.name !== known.name) ||
    (person.memberKind !== undefined && person.memberKind !== known.memberKind) ||
    (person.hcpcNumber !== undefined && person.hcpcNumber !== known.hcpcNumber)
  );
}

function actsFor(
  subscriberId: string,
  person: Enrolment,
  topics: readonly Topic[],
  source: Source,
): ConsentAct[] {
  return topics.map((topic) => ({ subscriberId, topic, act: 'given', source, note: person.note }));
}

/** Inserts who is not there yet; gives the new ids by normalised address. */
async function insertNew(tx: Tx, people: readonly Enrolment[], clock: Clock): Promise<Map<string, string>> {
  if (people.length === 0) return new Map();
  const now = clock.now();
  const values = people.map((person) => ({
    id: newId(now),
    email: person.address.email,
    normalised: person.address.normalised,
    name: person.name ?? null,
    kind: person.memberKind ?? null,
    hcpc: person.hcpcNumber ?? null,
  }));
  const at = sql`${now.toString()}::timestamptz`;
  const inserted = await rows<{ id: string; normalised: string }>(
    tx,
    sql`insert into subscribers (
        id, email, email_normalised, name, state, member_kind, hcpc_number, created_at, updated_at
      )
      select p.id, p.email, p.normalised, p.name, 'active', p.kind, p.hcpc, ${at}, ${at}
      from jsonb_to_recordset(${JSON.stringify(values)}::text::jsonb)
        as p(id uuid, email text, normalised text, name text, kind text, hcpc text)
      order by p.normalised
      on conflict (email_normalised) do nothing
      returning id, email_normalised as normalised`,
  );
  return new Map(inserted.map(({ id, normalised }) => [normalised, id]));
}

async function takeBack(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.execute(sql`
    delete from subscribers s
    where s.id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb)::uuid)`);
}

async function readExisting(tx: Tx, addresses: readonly string[]): Promise<Map<string, Existing>> {
  if (addresses.length === 0) return new Map();
  const details = await rows<Pick<Existing, 'id' | 'name' | 'memberKind' | 'hcpcNumber'>>(
    tx,
    sql`select s.id, s.name, s.member_kind as "memberKind", s.hcpc_number as "hcpcNumber" from subscribers s
      where s.email_normalised in (
        select jsonb_array_elements_text(${JSON.stringify(addresses)}::text::jsonb)
      )`,
  );
  const byId = new Map(details.map((row) => [row.id, row]));
  const locked = await lockSubscribers(tx, [...byId.keys()]);
  return new Map(locked.map((row) => [row.emailNormalised, { ...byId.get(row.id)!, ...row }]));
}

async function updateDetails(
  tx: Tx,
  changed: readonly { id: string; person: Enrolment }[],
  clock: Clock,
): Promise<void> {
  if (changed.length === 0) return;
  const values = changed.map(({ id, person }) => ({
    id,
    name: person.name ?? null,
    kind: person.memberKind ?? null,
    hcpc: person.hcpcNumber ?? null,
  }));
  await tx.execute(sql`
    update subscribers s set
      name = coalesce(p.name, s.name),
      member_kind = coalesce(p.kind, s.member_kind),
      hcpc_number = coalesce(p.hcpc, s.hcpc_number),
      updated_at = ${clock.now().toString()}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(values)}::text::jsonb) as p(id uuid, name text, kind text, hcpc text)
    where s.id = p.id`);
}
