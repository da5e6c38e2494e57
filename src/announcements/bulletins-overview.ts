import { and, desc, eq, gt } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import {
  announcements,
  bulletinItems,
  bulletins,
  bulletinSchedules,
  type BulletinTopic,
} from '../db/schema.ts';
import { notFound } from '../kernel/errors.ts';
import type { Announcement } from './announcements.ts';
import { readBooks, type Books } from './books.ts';

/** A bulletin that was drafted, with its books. */
export interface DraftedBulletin {
  readonly announcement: Announcement;
  readonly books: Books;
  readonly topic: BulletinTopic;
  /** Its own introduction; null when it has the one of its schedule. */
  readonly introduction: string | null;
  /** What its schedule does when nobody acts: `automatic` sends it, `wait` does not. */
  readonly approval: 'automatic' | 'wait';
}

/** The bulletins of a topic that were drafted, the latest first. */
export async function listBulletins(
  tx: Tx,
  topic: BulletinTopic,
  { limit }: { limit: number },
): Promise<DraftedBulletin[]> {
  return withBooks(
    tx,
    await select(tx)
      .where(eq(bulletinSchedules.topic, topic))
      .orderBy(desc(bulletins.date), desc(announcements.id))
      .limit(limit),
  );
}

/** @throws ConvenorError `not_found` when the announcement is not a bulletin. */
export async function findDraftedBulletin(tx: Tx, announcementId: string): Promise<DraftedBulletin> {
  const [found] = await withBooks(tx, await select(tx).where(eq(announcements.id, announcementId)));
  if (!found) throw notFound('bulletin', announcementId);
  return found;
}

/** The bulletin that carries an item, or is about to. */
export async function bulletinCarrying(tx: Tx, itemId: string): Promise<DraftedBulletin | undefined> {
  const found = await select(tx)
    .innerJoin(bulletinItems, eq(bulletinItems.announcementId, announcements.id))
    .where(eq(bulletinItems.itemId, itemId));
  return (await withBooks(tx, found))[0];
}

/** Bulletins that wait for somebody to approve them, the next first. */
export async function bulletinsToApprove(tx: Tx, now: Temporal.Instant): Promise<Announcement[]> {
  const found = await select(tx)
    .where(and(eq(announcements.state, 'awaiting_approval'), gt(announcements.lateAfter, now)))
    .orderBy(announcements.sendAt);
  return found.map(({ announcement }) => announcement);
}

function select(tx: Tx) {
  return tx
    .select({
      announcement: announcements,
      topic: bulletinSchedules.topic,
      introduction: bulletins.introduction,
      approval: bulletinSchedules.approval,
    })
    .from(bulletins)
    .innerJoin(announcements, eq(announcements.id, bulletins.announcementId))
    .innerJoin(bulletinSchedules, eq(bulletinSchedules.id, bulletins.scheduleId));
}

async function withBooks(
  tx: Tx,
  found: readonly Omit<DraftedBulletin, 'books'>[],
): Promise<DraftedBulletin[]> {
  const books = await readBooks(
    tx,
    found.map(({ announcement }) => announcement.id),
  );
  return found.map((bulletin) => ({ ...bulletin, books: books.get(bulletin.announcement.id)! }));
}
