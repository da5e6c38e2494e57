import type { Announcement } from '../src/announcements/announcements.ts';
import { bulletinContent } from '../src/announcements/bulletins-content.ts';
import type { FrozenContent } from '../src/announcements/frozen-content.ts';
import type { ContentContext } from '../src/announcements/notice-content.ts';
import type { Tx } from '../src/db/open.ts';
import type { Renderer } from '../src/render/renderer.ts';

/** Renders a bulletin as it will be sent, with marks where each recipient's own values go, and its other outputs. */
export async function renderBulletin(
  tx: Tx,
  announcement: Announcement,
  renderer: Renderer,
  context: ContentContext,
): Promise<FrozenContent> {
  const { kind, model } = await bulletinContent(tx, announcement, context);
  return {
    ...renderer.mail(kind, model),
    calendar: null,
    meetingSequence: null,
    whatsapp: renderer.whatsapp(kind, model),
    title: announcement.title,
    page: renderer.page('bulletin', model).trim(),
  };
}
