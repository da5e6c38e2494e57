import type { DraftInput } from '../announcements/compose-input.ts';
import { createDraft, editDraft } from '../announcements/compose.ts';
import { UNASKED } from '../checks/live-links.ts';
import { rolledBack } from '../db/open.ts';
import type { Actor } from '../organisation/audit.ts';
import { prepareDraft, type DraftServices, type DraftView } from './prepare.ts';

/**
 * What somebody is writing, as it would go out if it were saved now. Nothing is kept.
 *
 * @param id the announcement that is being changed; left out for a new one.
 * @throws ConvenorError as `createDraft` and `editDraft`.
 */
export async function previewDraft(
  services: DraftServices,
  input: DraftInput,
  { id, actor }: { id?: string | undefined; actor: Actor },
): Promise<DraftView> {
  const { db, clock } = services;
  const settings = await services.settings();
  const context = { clock, actor, zone: settings.timeZone };
  return rolledBack(db, async (tx) => {
    const { announcement } =
      id === undefined ? await createDraft(tx, input, context) : await editDraft(tx, id, input, context);
    const view = await prepareDraft(
      { ...services, db: tx, settings: () => Promise.resolve(settings) },
      announcement.id,
    );
    // What is not saved, nobody looks up.
    return { ...view, findings: view.findings.filter(({ check }) => check !== UNASKED) };
  });
}
