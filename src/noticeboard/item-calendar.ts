import { and, asc, gte, inArray, isNotNull, lt } from 'drizzle-orm';
import type { CalendarEvent } from '../calendar/icalendar.ts';
import type { Tx } from '../db/open.ts';
import { items, type ItemKind } from '../db/schema.ts';
import type { Settings } from '../organisation/settings.ts';
import { itemFacts, itemUrl } from './item-words.ts';
import type { Item } from './items.ts';

/** More items than a group has in its feed. */
const MOST = 1000;

export type ItemFeedEvent = CalendarEvent & { readonly changedAt: Temporal.Instant };

interface Context {
  readonly settings: Pick<Settings, 'feedTrainingDates' | 'feedClosingDates'>;
  /** Public address of the server, without a slash at the end. */
  readonly baseUrl: string;
  readonly organiser: { readonly name: string; readonly email: string };
}

/**
 * The entries of the noticeboard in the calendar feed: dates of training events and closing dates of vacancies, each
 * as far as the settings want them. What was approved and taken down since is there as cancelled.
 *
 * @param span items that are over by `from`, or begin at or after `to`, are left out.
 */
export async function itemFeedEvents(
  tx: Tx,
  { from, to }: { from: Temporal.Instant; to: Temporal.Instant },
  context: Context,
): Promise<ItemFeedEvent[]> {
  const kinds: ItemKind[] = [
    ...(context.settings.feedTrainingDates ? ['training' as const] : []),
    ...(context.settings.feedClosingDates ? ['vacancy' as const] : []),
  ];
  if (kinds.length === 0) return [];
  const found = await tx
    .select()
    .from(items)
    .where(
      and(
        inArray(items.kind, kinds),
        inArray(items.state, ['approved', 'expired', 'withdrawn']),
        isNotNull(items.agreedAt),
        gte(items.openUntil, from),
        lt(items.sortAt, to),
      ),
    )
    .orderBy(asc(items.sortAt), asc(items.id))
    .limit(MOST);
  return found.flatMap((item) => itemEvents(item, context));
}

/** An item as calendar entries: one for an event or a closing date, one per day for an event of several days apart. */
export function itemEvents(item: Item, { baseUrl, organiser }: Omit<Context, 'settings'>): ItemFeedEvent[] {
  const url = itemUrl(baseUrl, item.id);
  const entry = {
    uid: item.id,
    sequence: item.sequence,
    start: item.startsAt ?? item.openUntil,
    durationMinutes: minutesOf(item),
    title: item.kind === 'vacancy' ? `Closing date: ${item.title}, ${item.organisation}` : item.title,
    description: [...itemFacts(item).map(({ label, value }) => `${label}: ${value}`), url].join('\n'),
    link: url,
    ...(item.place === '' ? {} : { location: item.place }),
    organiser,
    status: item.state === 'withdrawn' ? ('CANCELLED' as const) : ('CONFIRMED' as const),
    changedAt: item.updatedAt,
  };
  if (item.wallStart !== null) return [entry];
  const days =
    item.dates.length > 0 ? item.dates.map((text) => Temporal.PlainDate.from(text)) : [item.closesOn];
  return days.map((day) => ({
    ...entry,
    ...(days.length > 1 ? { uid: `${item.id}-${day.toString()}` } : {}),
    days: { from: day, to: day },
  }));
}

function minutesOf({ startsAt, openUntil }: Item): number {
  return startsAt ? Math.max(1, Math.round(startsAt.until(openUntil).total('minutes'))) : 1;
}
