import type { Announcement } from '../src/announcements/announcements.ts';
import { approvedContent } from '../src/announcements/approval.ts';
import { isBulletin } from '../src/announcements/bulletins-content.ts';
import type { FrozenContent } from '../src/announcements/frozen-content.ts';
import type { ContentContext } from '../src/announcements/notice-content.ts';
import type { Tx } from '../src/db/open.ts';
import { renderBulletin } from '../src/drafts/bulletin.ts';
import type { Renderer } from '../src/render/renderer.ts';
import { renderNotice } from './notice-mail.ts';

/**
 * What an announcement sends: the very content that was approved where a person wrote it, else made from its bulletin
 * or its meeting as they are now.
 */
export async function announcementContent(
  tx: Tx,
  announcement: Announcement,
  renderer: Renderer,
  context: ContentContext,
): Promise<FrozenContent> {
  const approved = await approvedContent(tx, announcement.id);
  if (approved) return approved;
  return (await isBulletin(tx, announcement.id))
    ? renderBulletin(tx, announcement, renderer, context)
    : renderNotice(tx, announcement, renderer, context);
}
