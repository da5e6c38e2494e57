import type { Announcement } from '../announcements/announcements.ts';
import { bulletinContent } from '../announcements/bulletins-content.ts';
import { frozenContent, type FrozenContent } from '../announcements/frozen-content.ts';
import type { ContentContext } from '../announcements/notice-content.ts';
import type { Tx } from '../db/open.ts';
import type { Renderer } from '../render/renderer.ts';
import type { DraftServices } from './prepare.ts';

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

/**
 * What a bulletin sends: as it was frozen, or as it would go out now.
 *
 * @throws ConvenorError `not_found` when the announcement is not a bulletin.
 */
export async function bulletinAsItIs(
  services: DraftServices,
  announcement: Announcement,
): Promise<FrozenContent> {
  if (announcement.content !== null) return frozenContent(announcement);
  const { db, clock, config, renderer } = services;
  const settings = await services.settings();
  // A bulletin has no calendar entry that would name an organiser.
  const organiser = { name: settings.organisationName, email: settings.contactEmail };
  return renderBulletin(db, announcement, renderer, { clock, settings, baseUrl: config.BASE_URL, organiser });
}
