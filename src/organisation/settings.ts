import { sql } from 'drizzle-orm';
import { settings as settingsTable } from '../db/schema.ts';
import type { Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import { invalidInput } from '../kernel/errors.ts';
import { nearest } from '../kernel/nearest.ts';
import { recordAudit, type Actor } from './audit.ts';
import { SETTINGS, type SettingKey, type Settings } from './settings-table.ts';
import type { Setting } from './setting-types.ts';

export { SETTINGS, type SettingKey, type Settings } from './settings-table.ts';

/** A setting as the administrator sees it. `value` of a secret is `set` or empty. */
export interface SettingView {
  readonly key: SettingKey;
  readonly value: string;
  readonly isDefault: boolean;
  readonly fallback: string;
  readonly help: string;
  readonly example: string;
}

/** Begins the key under which a mail text of the organisation's own is kept among the settings. */
export const MAIL_TEXT_PREFIX = 'mailText.';

const KEYS = Object.keys(SETTINGS) as SettingKey[];

/** The parsers of the table, which only the compiler knows to be of different types. */
const TABLE: Readonly<Record<SettingKey, Setting<unknown>>> = SETTINGS as never;

/** The settings that a person may see and change, with their defaults, help and examples. */
export function describeSettings(): Omit<SettingView, 'value' | 'isDefault'>[] {
  return KEYS.filter((key) => TABLE[key].internal !== true).map((key) => {
    const { fallback, help, example } = TABLE[key];
    return { key, fallback, help, example };
  });
}

/** All settings as parsed values; what was never set has its default. */
export async function readSettings(tx: Tx): Promise<Settings> {
  const stored = await storedTexts(tx);
  const mailTexts = [...stored]
    .filter(([key]) => key.startsWith(MAIL_TEXT_PREFIX))
    .map(([key, text]) => [key.slice(MAIL_TEXT_PREFIX.length), text] as const);
  return {
    ...Object.fromEntries(
      KEYS.map((key) => [key, TABLE[key].schema.parse(stored.get(key) ?? TABLE[key].fallback)]),
    ),
    mailTexts: Object.fromEntries(mailTexts),
  } as Settings;
}

/** The settings that a person may see, each as text. */
export async function listSettings(tx: Tx): Promise<SettingView[]> {
  const stored = await storedTexts(tx);
  return describeSettings().map((description) => {
    const text = stored.get(description.key);
    return {
      ...description,
      value: shown(description.key, text ?? description.fallback),
      isDefault: text === undefined || text === description.fallback,
    };
  });
}

/**
 * One setting as text.
 *
 * @throws ConvenorError `invalid_input` for an unknown key, with the nearest known one.
 */
export async function getSetting(tx: Tx, key: string): Promise<SettingView> {
  const known = knownKey(key);
  return (await listSettings(tx)).find((view) => view.key === known)!;
}

/**
 * Changes one setting, given as text, and notes who did it. The same value again changes nothing.
 *
 * @throws ConvenorError `invalid_input` for an unknown key (with the nearest known one) or a text that the
 *   setting does not accept (with an example).
 */
export async function changeSetting(
  tx: Tx,
  key: string,
  text: string,
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<SettingView> {
  const known = knownKey(key);
  await store(tx, known, canonical(known, text), { clock, actor });
  return getSetting(tx, known);
}

/** Writes a setting that the program keeps for itself: when the set-up was finished, a secret, the logo's version. */
export async function writeInternalSetting<K extends 'setupCompletedAt' | 'mailerliteWebhookSecret' | 'logo'>(
  tx: Tx,
  key: K,
  value: Settings[K],
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<void> {
  await store(tx, key, TABLE[key].format(value), { clock, actor });
}

/**
 * The text in its canonical form.
 *
 * @throws ConvenorError `invalid_input` that names the key, what is wrong and an example.
 */
function canonical(key: SettingKey, text: string): string {
  const { schema, format, example } = TABLE[key];
  const result = schema.safeParse(text);
  if (result.success) return format(result.data);
  throw invalidInput({ field: key, message: `${result.error.issues[0]!.message} (example: ${example})` });
}

function knownKey(key: string): SettingKey {
  const public_ = KEYS.filter((candidate) => TABLE[candidate].internal !== true);
  const known = public_.find((candidate) => candidate === key);
  if (known !== undefined) return known;
  const near = nearest(key, public_);
  throw invalidInput({
    field: 'key',
    message: `"${key}" is not a setting${near === undefined ? '; "settings list" shows them all' : `; did you mean ${near}?`}`,
  });
}

async function store(
  tx: Tx,
  key: SettingKey,
  text: string,
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<void> {
  await tx.transaction(async (inner) => {
    const before = (await storedTexts(inner)).get(key) ?? TABLE[key].fallback;
    if (before === text) return;
    const now = clock.now();
    await inner
      .insert(settingsTable)
      .values({ key, value: text, updatedAt: now })
      .onConflictDoUpdate({ target: settingsTable.key, set: { value: sql`excluded.value`, updatedAt: now } });
    await recordAudit(
      inner,
      {
        actor,
        action: 'setting.changed',
        subject: key,
        before: shown(key, before),
        after: shown(key, text),
      },
      { clock },
    );
  });
}

function shown(key: SettingKey, text: string): string {
  if (TABLE[key].secret !== true) return text;
  return text === '' ? '' : 'set';
}

async function storedTexts(tx: Tx): Promise<Map<string, string>> {
  // Taken out of the JSON by the database: the column's own parser would read a text such as 2026 as a number.
  const text = sql<string>`${settingsTable.value} #>> '{}'`;
  const stored = await tx.select({ key: settingsTable.key, text }).from(settingsTable);
  return new Map(stored.map(({ key, text: value }) => [key, value]));
}
