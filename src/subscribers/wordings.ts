import { asc, desc, eq, sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { consentWordings, TOPICS, type Topic } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { invalidInput } from '../kernel/errors.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { readSettings } from '../organisation/settings.ts';
import { recordConsent } from './consent-ledger.ts';

/** What people agree to: one text per topic, and the declaration of a member. */
export const WORDING_KEYS = [...TOPICS, 'declaration'] as const;
export type WordingKey = (typeof WORDING_KEYS)[number];

/** One version of a text. `id` is what the ledger names: `meetings@2`. */
export interface Wording {
  readonly id: string;
  readonly key: string;
  readonly version: number;
  readonly text: string;
}

const STOP = 'I can stop this at any time with the link in every e-mail.';

const FIRST_VERSIONS: Readonly<Record<WordingKey, (organisation: string) => string>> = {
  meetings: (organisation) => `I agree that ${organisation} e-mails me about the group’s meetings. ${STOP}`,
  training: (organisation) => `I agree that ${organisation} e-mails me about training and events. ${STOP}`,
  vacancies: (organisation) => `I agree that ${organisation} e-mails me about job vacancies. ${STOP}`,
  news: (organisation) => `I agree that ${organisation} e-mails me with news of the group. ${STOP}`,
  declaration: () =>
    'I am an occupational therapist or a student of occupational therapy, and I will keep to the group’s policy.',
};

const LOCK = 726_011_010;
const LONGEST = 2_000;

/** The texts as they are shown now. A text that was never written gets its first version, with the organisation's name. */
export async function currentWordings(
  tx: Tx,
  { clock }: { clock: Clock },
): Promise<Readonly<Record<WordingKey, Wording>>> {
  const stored = await newestVersions(tx);
  const missing = WORDING_KEYS.filter((key) => !stored.has(key));
  if (missing.length > 0) {
    const { organisationName } = await readSettings(tx);
    for (const key of missing) {
      stored.set(key, await keepVersion(tx, key, FIRST_VERSIONS[key](organisationName), { clock }));
    }
  }
  return Object.fromEntries(WORDING_KEYS.map((key) => [key, stored.get(key)!])) as Record<
    WordingKey,
    Wording
  >;
}

/**
 * Keeps a text that is shown to people, as a new version if it differs from the newest one. For texts that the
 * program makes from the settings; earlier agreements are not touched.
 */
export async function keepVersion(
  tx: Tx,
  key: string,
  text: string,
  { clock }: { clock: Clock },
): Promise<Wording> {
  const shown = (await newestVersions(tx)).get(key);
  if (shown?.text === text) return shown;
  return tx.transaction(async (inner) => {
    await inner.execute(sql`select pg_advisory_xact_lock(${LOCK}::bigint)`);
    const newest = (await newestVersions(inner)).get(key);
    if (newest?.text === text) return newest;
    return insertVersion(inner, { key, text, coversEarlier: true }, newest, { clock, actor: 'system' });
  });
}

/**
 * How many people get mail on the strength of the present wording of a topic: what a change has to ask about. A number that
 * the database keeps.
 */
export async function agreedTo(tx: Tx, topic: Topic): Promise<number> {
  const [row] = await rows<{ n: number }>(
    tx,
    sql`select coalesce(sum(change), 0)::int as n from list_size_changes where counted = ${topic}`,
  );
  return row!.n;
}

/**
 * Whether agreements to these texts still count: none was replaced by one that earlier agreements do not cover.
 *
 * @param ids as `key@version`.
 */
export async function agreementsStillCount(tx: Tx, ids: readonly string[]): Promise<boolean> {
  const replaced = await rows(
    tx,
    sql`select w.key from jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb) as a(id)
      join consent_wordings w on w.key = split_part(a.id, '@', 1) and w.version > split_part(a.id, '@', 2)::integer
      where not w.covers_earlier limit 1`,
  );
  return replaced.length === 0;
}

/**
 * Changes a text. `coversEarlier` answers the question whether agreements to the earlier text still count. If
 * they do not, each lapses in the ledger, and the people get no mail about the topic until they agree anew.
 *
 * @returns the new version and the number of agreements that lapsed.
 * @throws ConvenorError `invalid_input` for an empty, too long or unchanged text.
 */
export async function changeWording(
  tx: Tx,
  { key, text, coversEarlier }: { key: WordingKey; text: string; coversEarlier: boolean },
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<{ wording: Wording; lapsed: number }> {
  const wanted = text.replaceAll('\r\n', '\n').trim();
  if (wanted === '') throw invalidInput({ field: 'text', message: 'must not be empty' });
  if (wanted.length > LONGEST) {
    throw invalidInput({ field: 'text', message: `must have at most ${LONGEST} characters` });
  }
  await currentWordings(tx, { clock });
  return tx.transaction(async (inner) => {
    await inner.execute(sql`select pg_advisory_xact_lock(${LOCK}::bigint)`);
    const before = (await newestVersions(inner)).get(key);
    if (before?.text === wanted) throw invalidInput({ field: 'text', message: 'is the same as before' });
    const wording = await insertVersion(inner, { key, text: wanted, coversEarlier }, before, {
      clock,
      actor,
    });
    const topic = TOPICS.find((each) => each === key);
    const lapsed = coversEarlier || topic === undefined ? 0 : await lapse(inner, topic, wording, { clock });
    await recordAudit(
      inner,
      {
        actor,
        action: 'wording.changed',
        subject: wording.id,
        before: { text: before?.text ?? null },
        after: { text: wanted, coversEarlier, lapsed },
      },
      { clock },
    );
    return { wording, lapsed };
  });
}

/** All versions of a text, the newest first. */
export async function wordingHistory(tx: Tx, key: WordingKey) {
  return tx
    .select()
    .from(consentWordings)
    .where(eq(consentWordings.key, key))
    .orderBy(desc(consentWordings.version));
}

async function newestVersions(tx: Tx): Promise<Map<string, Wording>> {
  const found = await tx
    .selectDistinctOn([consentWordings.key])
    .from(consentWordings)
    .orderBy(asc(consentWordings.key), desc(consentWordings.version));
  return new Map(
    found.map(({ key, version, text }) => [key, { id: `${key}@${version}`, key, version, text }]),
  );
}

async function insertVersion(
  tx: Tx,
  { key, text, coversEarlier }: { key: string; text: string; coversEarlier: boolean },
  before: Wording | undefined,
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<Wording> {
  const version = (before?.version ?? 0) + 1;
  await tx
    .insert(consentWordings)
    .values({ key, version, text, coversEarlier, createdAt: clock.now(), createdBy: actor });
  return { id: `${key}@${version}`, key, version, text };
}

async function lapse(tx: Tx, topic: Topic, wording: Wording, { clock }: { clock: Clock }): Promise<number> {
  // Their rows stay locked until the acts are written, so that nobody's own act comes between.
  const people = await rows<{ id: string }>(
    tx,
    sql`select s.id from subscribers s
      where exists (
        select 1 from topic_subscriptions t where t.subscriber_id = s.id and t.topic = ${topic} and t.subscribed
      )
      order by s.id for no key update of s`,
  );
  await recordConsent(
    tx,
    people.map(({ id }) => ({
      subscriberId: id,
      topic,
      act: 'lapsed',
      source: 'administrator',
      wording: wording.id,
      note: 'the wording changed and earlier agreements do not cover it',
    })),
    { clock },
  );
  return people.length;
}
