import type { Tx } from '../db/open.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { findAdmin } from '../organisation/admins.ts';
import type { Actor } from '../organisation/audit.ts';
import type { Links } from '../subscribers/links.ts';
import { findItem, type Item } from './items.ts';

/** How long the link in a mail to an administrator lets decide about an item. */
export const MODERATION_LINK_LIFE = Temporal.Duration.from({ hours: 24 * 14 });

/**
 * Opens a link with which whoever handed an item in confirms it (`confirmItem`), or answers and takes down
 * (`ownItem`). Reading changes nothing: the page shows a button, which posts.
 *
 * @throws ConvenorError `not_found` for a link that is forged or whose item is gone; `forbidden` when it has expired.
 */
export async function openItemLink(
  tx: Tx,
  links: Links,
  purpose: 'confirmItem' | 'ownItem',
  token: string,
): Promise<Item> {
  return findItem(tx, idOf(links.readToken(purpose, token)));
}

/**
 * Opens a link from a mail to one administrator, with which that person decides about an item without signing in.
 * Reading changes nothing.
 *
 * @returns the item, and as whom the decision is to be made.
 * @throws ConvenorError `not_found`; `forbidden` when it has expired or the person may not decide any more.
 */
export async function openModerationLink(
  tx: Tx,
  links: Links,
  token: string,
): Promise<{ item: Item; actor: Actor; adminName: string }> {
  const reading = links.readToken('moderateItem', token);
  const item = await findItem(tx, idOf(reading));
  const admin =
    reading.result === 'valid' && reading.adminId !== undefined
      ? await findAdmin(tx, reading.adminId)
      : undefined;
  if (!admin || admin.disabledAt !== null || admin.role !== 'administrator') {
    throw new ConvenorError(
      'forbidden',
      'This link belongs to somebody who cannot decide about items any more.',
    );
  }
  return { item, actor: `admin:${admin.id}`, adminName: admin.name };
}

function idOf(reading: ReturnType<Links['readToken']>): string {
  if (reading.result === 'valid') return reading.id;
  if (reading.result === 'forged') {
    throw new ConvenorError(
      'not_found',
      'This link is not complete. Please use the whole link from the mail.',
    );
  }
  throw new ConvenorError('forbidden', 'This link has expired.');
}
