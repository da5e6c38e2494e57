import { eq } from 'drizzle-orm';
import { settings as settingsTable } from '../db/schema.ts';
import type { Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import { recordAudit, type Actor } from './audit.ts';
import { MAIL_TEXT_PREFIX, readSettings } from './settings.ts';

/**
 * Keeps the organisation's own text for a mail, and notes who did it. The same text again changes nothing.
 *
 * @param key a key of `MAIL_TEXTS` in `src/render/mail-texts.ts`.
 * @param text checked by `parseMailText`; `undefined` goes back to the text that comes with the program.
 */
export async function changeMailText(
  tx: Tx,
  key: string,
  text: string | undefined,
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<void> {
  await tx.transaction(async (inner) => {
    const before = (await readSettings(inner)).mailTexts[key];
    if (before === text) return;
    const row = { key: `${MAIL_TEXT_PREFIX}${key}`, value: text, updatedAt: clock.now() };
    if (text === undefined) await inner.delete(settingsTable).where(eq(settingsTable.key, row.key));
    else {
      await inner
        .insert(settingsTable)
        .values(row)
        .onConflictDoUpdate({ target: settingsTable.key, set: { value: text, updatedAt: row.updatedAt } });
    }
    await recordAudit(
      inner,
      {
        actor,
        action: 'mail_text.changed',
        subject: key,
        before: before ?? 'as it came',
        after: text ?? 'as it came',
      },
      { clock },
    );
  });
}
