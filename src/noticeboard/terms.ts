import { eq, sql } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { consentWordings, type ItemKind } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { invalidInput } from '../kernel/errors.ts';
import type { Settings } from '../organisation/settings.ts';
import { keepVersion, type Wording } from '../subscribers/wordings.ts';

/** The name under which versions of the terms are kept. */
const KEY = 'vacancy-terms';

/**
 * The terms of business that go with an item of this kind, as a form shows them: the text, and the `id` that the
 * form sends back when they are accepted. `undefined` when the group asks for none.
 */
export async function termsFor(
  tx: Tx,
  kind: ItemKind,
  settings: Pick<Settings, 'vacancyTerms'>,
  { clock }: { clock: Clock },
): Promise<Wording | undefined> {
  if (kind !== 'vacancy' || settings.vacancyTerms === '') return undefined;
  return keepVersion(tx, KEY, settings.vacancyTerms, { clock });
}

/**
 * The wording that somebody accepted with a form; null when there is none to accept.
 *
 * @throws ConvenorError `invalid_input` (field `terms`) when they were not accepted, or changed since they were shown.
 */
export async function acceptedTerms(
  tx: Tx,
  kind: ItemKind,
  accepted: string | null,
  settings: Pick<Settings, 'vacancyTerms'>,
  { clock }: { clock: Clock },
): Promise<string | null> {
  const terms = await termsFor(tx, kind, settings, { clock });
  if (!terms) return null;
  if (accepted === null || accepted === '') {
    throw invalidInput({ field: 'terms', message: 'must be accepted for a vacancy to be published' });
  }
  if (accepted !== terms.id) {
    throw invalidInput({
      field: 'terms',
      message: 'have changed since you opened the form; please read them again and accept them',
    });
  }
  return terms.id;
}

/** The text of the terms that were accepted with an item; `undefined` when none were. */
export async function acceptedTermsText(
  tx: Tx,
  { terms }: { readonly terms: string | null },
): Promise<string | undefined> {
  if (terms === null) return undefined;
  const [wording] = await tx
    .select({ text: consentWordings.text })
    .from(consentWordings)
    .where(eq(sql`${consentWordings.key} || '@' || ${consentWordings.version}`, terms));
  return wording?.text;
}
