import { and, asc, eq, gt, inArray, ne, notExists, or, sql } from 'drizzle-orm';
import { monthName } from '../calendar/words.ts';
import { toWall } from '../calendar/wall.ts';
import type { Tx } from '../db/open.ts';
import {
  announcements,
  bulletinItems,
  bulletins,
  bulletinSchedules,
  items,
  type BulletinTopic,
} from '../db/schema.ts';
import { notFound } from '../kernel/errors.ts';
import { itemFacts, itemUrl, itemWhen, itemWhere, noticeboardUrl } from '../noticeboard/item-words.ts';
import { isOpen, type Item } from '../noticeboard/items.ts';
import type { Announcement } from './announcements.ts';
import { BULLETINS, findBulletinSchedule, nextBulletin } from './bulletins-schedules.ts';
import { announcementUrl, archiveOf } from './draft-content.ts';
import { senderModel, type ContentContext } from './notice-content.ts';
import { PLANNER } from './planning.ts';

/** A bulletin as a row: its announcement, its introduction, and the items in it in their order. */
export interface Bulletin {
  readonly topic: BulletinTopic;
  readonly date: Temporal.PlainDate;
  readonly introduction: string;
  readonly items: readonly Item[];
}

/** Whether an announcement is a bulletin that a schedule made. */
export async function isBulletin(tx: Tx, announcementId: string): Promise<boolean> {
  const [found] = await tx
    .select({ id: bulletins.announcementId })
    .from(bulletins)
    .where(eq(bulletins.announcementId, announcementId));
  return found !== undefined;
}

/**
 * What a bulletin carries. Before it is frozen that is what would go out: items that are still on the noticeboard
 * at its time.
 *
 * @throws ConvenorError `not_found` when the announcement is not a bulletin.
 */
export async function readBulletin(
  tx: Tx,
  announcement: Announcement,
  { clock }: Pick<ContentContext, 'clock'>,
): Promise<Bulletin> {
  const [found] = await tx
    .select({ bulletin: bulletins, schedule: bulletinSchedules })
    .from(bulletins)
    .innerJoin(bulletinSchedules, eq(bulletinSchedules.id, bulletins.scheduleId))
    .where(eq(bulletins.announcementId, announcement.id));
  if (!found) throw notFound('bulletin', announcement.id);
  const linked = await tx
    .select({ item: items })
    .from(bulletinItems)
    .innerJoin(items, eq(items.id, bulletinItems.itemId))
    .where(eq(bulletinItems.announcementId, announcement.id))
    .orderBy(asc(items.sortAt), asc(items.id));
  const at = later(announcement.sendAt, clock.now());
  return {
    topic: found.schedule.topic,
    date: found.bulletin.date,
    introduction: found.bulletin.introduction ?? found.schedule.introduction,
    items: linked
      .map(({ item }) => item)
      .filter((item) => announcement.frozenAt !== null || isOpen(item, at)),
  };
}

/**
 * Everything that a bulletin says, ready for its template.
 *
 * @throws ConvenorError `not_found` when the announcement is not a bulletin.
 */
export async function bulletinContent(tx: Tx, announcement: Announcement, context: ContentContext) {
  const { settings, baseUrl } = context;
  const { id, kind } = announcement;
  const webUrl = archiveOf(kind, settings) === 'none' ? null : announcementUrl(baseUrl, id);
  return bulletinMail(await readBulletin(tx, announcement, context), webUrl, context);
}

/**
 * The next bulletin of a topic as it would be with what there is now: the one that is drafted and still to go out, or
 * the one that is to be drafted next. Nothing is written.
 */
export async function previewBulletin(tx: Tx, topic: BulletinTopic, context: ContentContext) {
  const now = context.clock.now();
  const schedule = await findBulletinSchedule(tx, topic);
  const [drafted] = schedule
    ? await tx
        .select({ row: announcements })
        .from(bulletins)
        .innerJoin(announcements, eq(announcements.id, bulletins.announcementId))
        .where(
          and(
            eq(bulletins.scheduleId, schedule.id),
            inArray(announcements.state, ['approved', 'awaiting_approval', 'held']),
            gt(announcements.lateAfter, now),
          ),
        )
        .orderBy(asc(announcements.sendAt))
        .limit(1)
    : [];
  if (drafted === undefined) return previewNextDraft(tx, topic, context);
  const { row } = drafted;
  const { sendAt, zone } = row;
  return { ...(await bulletinContent(tx, row, context)), sendAt, zone, drafted: row };
}

/**
 * The bulletin of a topic that is to be drafted next, as it would be with what there is now. Nothing is written.
 * Without a schedule it is shown for today.
 */
export async function previewNextDraft(tx: Tx, topic: BulletinTopic, context: ContentContext) {
  const now = context.clock.now();
  const schedule = await findBulletinSchedule(tx, topic);
  const next =
    schedule && nextBulletin(schedule, now, context.settings, await draftedDates(tx, schedule.id, now));
  const sendAt = next?.sendAt ?? now;
  const waiting = await tx
    .select()
    .from(items)
    .where(
      and(
        eq(items.kind, BULLETINS[topic].items),
        eq(items.state, 'approved'),
        gt(items.openUntil, sendAt),
        notExists(
          tx
            .select({ one: sql`1` })
            .from(bulletinItems)
            .where(eq(bulletinItems.itemId, items.id)),
        ),
      ),
    )
    .orderBy(asc(items.sortAt), asc(items.id));
  const bulletin: Bulletin = {
    topic,
    date: next?.date ?? toWall(now, context.settings.timeZone).toPlainDate(),
    introduction: schedule?.introduction ?? '',
    items: waiting,
  };
  // It has no page before it is drafted.
  return {
    ...bulletinMail(bulletin, null, context),
    sendAt,
    draftAt: next?.draftAt,
    zone: schedule?.zone ?? context.settings.timeZone,
    drafted: undefined,
  };
}

/** The coming dates of a schedule whose bulletins are drafted. One that was skipped for want of items comes back with one. */
async function draftedDates(tx: Tx, scheduleId: string, now: Temporal.Instant): Promise<ReadonlySet<string>> {
  const found = await tx
    .select({ date: bulletins.date })
    .from(bulletins)
    .innerJoin(announcements, eq(announcements.id, bulletins.announcementId))
    .where(
      and(
        eq(bulletins.scheduleId, scheduleId),
        gt(announcements.sendAt, now),
        or(ne(announcements.state, 'cancelled'), ne(announcements.stateBy, PLANNER)),
      ),
    );
  return new Set(found.map(({ date }) => date.toString()));
}

function bulletinMail(
  { topic, date, introduction, items: all }: Bulletin,
  webUrl: string | null,
  context: ContentContext,
) {
  const { settings, baseUrl } = context;
  const groups = topic === 'training' ? byMonth(all) : byPlace(all);
  return {
    kind: BULLETINS[topic].mail,
    model: {
      sender: senderModel(settings, baseUrl),
      date: date.toString(),
      introduction: introduction === '' ? null : introduction,
      count: all.length,
      groups: groups.map(({ heading, members }) => ({
        heading,
        items: members.map((item) => itemModel(item, baseUrl)),
      })),
      boardUrl: noticeboardUrl(baseUrl, BULLETINS[topic].items),
      webUrl,
      why: settings.whyYouGetThis,
    },
  };
}

function itemModel(item: Item, baseUrl: string) {
  return {
    id: item.id,
    title: item.title,
    organisation: item.organisation,
    when: itemWhen(item),
    where: itemWhere(item),
    facts: itemFacts(item),
    url: itemUrl(baseUrl, item.id),
  };
}

interface Group {
  readonly heading: string;
  readonly members: Item[];
}

/** Training by the month of its first day, in the order of the days. */
function byMonth(all: readonly Item[]): Group[] {
  return grouped(all, (item) => {
    const { month, year } = toWall(item.startsAt ?? item.openUntil, item.zone);
    return `${monthName(month)} ${year}`;
  });
}

/** Vacancies by place, in the order of the alphabet; within a place what closes first comes first. */
function byPlace(all: readonly Item[]): Group[] {
  const groups = grouped(all, (item) => (item.place === '' ? 'Online' : item.place));
  const key = ({ heading }: Group) => (heading === 'Online' ? '\uffff' : heading.toLowerCase());
  return groups.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Groups in the order in which they first occur. Headings that differ only in case are one. */
function grouped(all: readonly Item[], headingOf: (item: Item) => string): Group[] {
  const groups = new Map<string, Group>();
  for (const item of all) {
    const heading = headingOf(item);
    const key = heading.toLowerCase();
    const group = groups.get(key) ?? { heading, members: [] };
    group.members.push(item);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function later(a: Temporal.Instant, b: Temporal.Instant): Temporal.Instant {
  return Temporal.Instant.compare(a, b) > 0 ? a : b;
}
