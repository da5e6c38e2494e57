import { eq } from 'drizzle-orm';
import { formatTime } from '../calendar/format.ts';
import { isQuiet, parseQuietHours } from '../calendar/quiet-hours.ts';
import { toWall } from '../calendar/wall.ts';
import type { Tx } from '../db/open.ts';
import { whatsappPosts } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { findAnnouncement } from './announcements.ts';

export type WhatsAppPost = typeof whatsappPosts.$inferSelect;

/** When phones of a group should stay silent, whatever the mail's quiet hours are. */
const SILENT = '22:00-08:00';

/**
 * Notes that a person posted the text of an announcement in the WhatsApp group. Nothing is posted by this. A second
 * time changes nothing.
 *
 * @throws ConvenorError `not_found`.
 */
export async function recordPosted(
  tx: Tx,
  announcementId: string,
  { clock, actor }: { clock: Clock; actor: Actor },
): Promise<WhatsAppPost> {
  return tx.transaction(async (inner) => {
    await findAnnouncement(inner, announcementId);
    const [posted] = await inner
      .insert(whatsappPosts)
      .values({ announcementId, postedAt: clock.now(), postedBy: actor })
      .onConflictDoNothing()
      .returning();
    if (posted) {
      await recordAudit(inner, { actor, action: 'whatsapp.posted', subject: announcementId }, { clock });
      return posted;
    }
    return (await findPost(inner, announcementId))!;
  });
}

/** Who said when that an announcement was posted in the WhatsApp group; `undefined` while nobody did. */
export async function findPost(tx: Tx, announcementId: string): Promise<WhatsAppPost | undefined> {
  const [post] = await tx
    .select()
    .from(whatsappPosts)
    .where(eq(whatsappPosts.announcementId, announcementId));
  return post;
}

/** A warning to whoever is about to post at an hour when most people sleep; `undefined` at all others. */
export function postingWarning(now: Temporal.Instant, zone: string): string | undefined {
  if (!isQuiet(now, zone, parseQuietHours(SILENT))) return undefined;
  const time = formatTime(toWall(now, zone).toPlainTime());
  return `It is ${time}. A message to the group may wake people; better post it between 8 am and 10 pm.`;
}
