import { and, desc, eq, gt, inArray, isNull, lt, ne, or } from 'drizzle-orm';
import type { Tx } from '../db/open.ts';
import { announcements, drafts, meetings } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound } from '../kernel/errors.ts';
import type { Settings } from '../organisation/settings.ts';
import type { Announcement } from './announcements.ts';
import { buildAtomFeed } from './atom.ts';
import { carriedOpenItems, carriesOpenItems } from './bulletins-gather.ts';
import { withOpenItems } from './bulletins-page.ts';
import { archiveOf, announcementUrl } from './draft-content.ts';
import { DRAFT_KINDS, type DraftKind } from './draft-kinds.ts';
import { frozenContent } from './frozen-content.ts';

/** A sent announcement as a web page. */
export interface ArchiveEntry {
  readonly id: string;
  readonly kind: string;
  readonly title: string;
  readonly sentAt: Temporal.Instant;
  readonly zone: string;
  /** HTML without scripts or anything that is one person's own; headings begin at level 2. */
  readonly html: string;
  readonly meeting: {
    readonly id: string;
    readonly startsAt: Temporal.Instant;
    readonly zone: string;
  } | null;
}

interface Context {
  readonly clock: Clock;
  readonly settings: Settings;
}

/** Atom feeds hold so many entries. */
const FEED_LENGTH = 30;

/** What has gone out, of the given kinds. */
function sentOf(kinds: readonly DraftKind[]) {
  return and(inArray(announcements.kind, [...kinds]), inArray(announcements.state, ['sending', 'sent']));
}

/**
 * Not over: what it is about has not expired, the meeting that it invites to has not begun, and something in it is
 * still open if it is a bulletin.
 */
function isOfUse(now: Temporal.Instant) {
  return and(
    or(isNull(drafts.expiresAt), gt(drafts.expiresAt, now)),
    or(isNull(meetings.id), gt(meetings.startsAt, now), ne(announcements.kind, 'meeting_invitation')),
    carriesOpenItems(now),
  );
}

/** What goes to some people of a topic only has a page for them, and no place in the list. */
const LISTED: readonly Announcement['audienceKind'][] = ['topic', 'got'];

function kindsIn(settings: Settings, wanted: readonly ('public' | 'link')[]): DraftKind[] {
  return (Object.keys(DRAFT_KINDS) as DraftKind[]).filter((kind) =>
    (wanted as readonly string[]).includes(archiveOf(kind, settings)),
  );
}

function select(tx: Tx) {
  return tx
    .select({ announcement: announcements, meeting: meetings })
    .from(announcements)
    .leftJoin(drafts, eq(drafts.announcementId, announcements.id))
    .leftJoin(meetings, eq(meetings.id, announcements.meetingId));
}

/**
 * The public archive, the newest first: sent announcements of the kinds that the settings make public, without those
 * that are over.
 *
 * @param before the last entry of the page before.
 */
export async function listArchive(
  tx: Tx,
  { clock, settings }: Context,
  {
    before,
    limit = 20,
  }: { before?: { sentAt: Temporal.Instant; id: string } | undefined; limit?: number } = {},
): Promise<ArchiveEntry[]> {
  const now = clock.now();
  const found = await select(tx)
    .where(
      and(
        sentOf(kindsIn(settings, ['public'])),
        isOfUse(now),
        inArray(announcements.audienceKind, [...LISTED]),
        before
          ? or(
              lt(announcements.sendAt, before.sentAt),
              and(eq(announcements.sendAt, before.sentAt), lt(announcements.id, before.id)),
            )
          : undefined,
      ),
    )
    .orderBy(desc(announcements.sendAt), desc(announcements.id))
    .limit(limit);
  const entries = found.flatMap(({ announcement, meeting }) => entryOf(announcement, meeting) ?? []);
  return withoutClosed(tx, entries, now);
}

/** A page of the archive, or what is left of it when what it was about is over. */
export type ArchivePage =
  | (ArchiveEntry & { readonly over: false; readonly listed: boolean })
  | { readonly over: true; readonly title: string };

/**
 * The page of one sent announcement, for whoever has its address. `listed` says whether the archive shows it too; a
 * page that is not listed asks search engines to leave it out.
 *
 * @throws ConvenorError `not_found` when it has no page.
 */
export async function archivePage(tx: Tx, id: string, { clock, settings }: Context): Promise<ArchivePage> {
  const now = clock.now();
  const page = and(eq(announcements.id, id), sentOf(kindsIn(settings, ['public', 'link'])));
  const [found] = await select(tx).where(page);
  const entry = found && entryOf(found.announcement, found.meeting);
  if (!entry) throw notFound('announcement', id);
  const [ofUse] = await select(tx).where(and(page, isOfUse(now)));
  if (!ofUse) return { over: true, title: entry.title };
  const [shown] = await withoutClosed(tx, [entry], now);
  const { audienceKind } = found.announcement;
  const listed = archiveOf(entry.kind, settings) === 'public' && LISTED.includes(audienceKind);
  return { ...shown!, over: false, listed };
}

/** The archive as an Atom feed (RFC 4287). */
export async function archiveFeed(tx: Tx, baseUrl: string, context: Context): Promise<string> {
  const entries = await listArchive(tx, context, { limit: FEED_LENGTH });
  const { settings, clock } = context;
  return buildAtomFeed({
    id: `${baseUrl}/archive`,
    title: `${settings.groupName}: announcements`,
    author: settings.organisationName,
    selfUrl: `${baseUrl}/archive.atom`,
    pageUrl: `${baseUrl}/archive`,
    updated: entries[0]?.sentAt ?? clock.now(),
    entries: entries.map(({ id, title, sentAt, html }) => ({
      id: `urn:uuid:${id}`,
      title,
      url: announcementUrl(baseUrl, id),
      updated: sentAt,
      html,
    })),
  });
}

function entryOf(
  announcement: Announcement,
  meeting: { id: string; startsAt: Temporal.Instant; zone: string } | null,
): ArchiveEntry | undefined {
  const { id, kind, sendAt, zone } = announcement;
  const content = frozenContent(announcement);
  if (content.page === undefined) return undefined;
  return {
    id,
    kind,
    title: content.title ?? content.subject,
    sentAt: sendAt,
    zone,
    html: content.page,
    meeting: meeting && { id: meeting.id, startsAt: meeting.startsAt, zone: meeting.zone },
  };
}

/** The entries without the items of bulletins that are over or were taken down since. */
async function withoutClosed(
  tx: Tx,
  entries: readonly ArchiveEntry[],
  now: Temporal.Instant,
): Promise<ArchiveEntry[]> {
  const open = await carriedOpenItems(
    tx,
    entries.map(({ id }) => id),
    now,
  );
  return entries.map((entry) => ({ ...entry, html: withOpenItems(entry.html, open) }));
}
