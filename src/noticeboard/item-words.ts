import { formatDate, formatTimeRange } from '../calendar/format.ts';
import { listInWords } from '../calendar/words.ts';
import { toWall } from '../calendar/wall.ts';
import type { ItemKind, ItemState } from '../db/schema.ts';
import type { ItemInput } from './item-input.ts';

/** How each kind is called in a sentence: "a vacancy". */
export const ITEM_KIND_WORDS: Readonly<Record<ItemKind, string>> = {
  vacancy: 'vacancy',
  training: 'training event',
  request: 'request',
};

/** How each state is called in lists. */
export const ITEM_STATE_WORDS: Readonly<Record<ItemState, string>> = {
  submitted: 'not confirmed yet',
  awaiting_review: 'waits for a decision',
  asked: 'waits for an answer',
  approved: 'approved',
  rejected: 'turned down',
  withdrawn: 'taken down',
  expired: 'over',
};

export interface ItemFact {
  readonly label: string;
  readonly value: string;
}

/** When an item is, for people: "Wednesday 2 June 2027, 7 pm to 9 pm (UK time)", or until when it is of use. */
export function itemWhen(item: ItemInput): string {
  if (item.kind !== 'training') return `Until ${formatDate(item.closesOn)}`;
  if (item.startsAt && item.wallStart !== null) {
    const day = formatDate(toWall(item.startsAt, item.zone).toPlainDate());
    return `${day}, ${formatTimeRange(item.startsAt, item.openUntil, item.zone)}`;
  }
  return listInWords(item.dates.map((date) => formatDate(Temporal.PlainDate.from(date))));
}

/** Where an item is: "Leeds", "Leeds, also online", "Online"; empty when it says nothing. */
export function itemWhere({ place, online }: Pick<ItemInput, 'place' | 'online'>): string {
  if (place === '') return online ? 'Online' : '';
  return online ? `${place}, also online` : place;
}

/** What an item says beside its title, text and link, in the order in which people look for it. */
export function itemFacts(item: ItemInput): ItemFact[] {
  const facts: Record<ItemKind, ItemFact[]> = {
    vacancy: [
      { label: 'Employer', value: item.organisation },
      { label: 'Place', value: itemWhere(item) },
      { label: 'Band or pay', value: item.pay },
      { label: 'Hours', value: item.hours },
      { label: 'Contract', value: item.contract },
      { label: 'Closing date', value: formatDate(item.closesOn) },
    ],
    training: [
      { label: 'When', value: itemWhen(item) },
      { label: 'Provider', value: item.organisation },
      { label: 'Place', value: itemWhere(item) },
      { label: 'Cost', value: item.cost },
      { label: 'CPD hours', value: item.cpdHours },
    ],
    request: [{ label: 'Open until', value: formatDate(item.closesOn) }],
  };
  return [...facts[item.kind], { label: 'Contact', value: item.contact }].filter(({ value }) => value !== '');
}

/** The public addresses of the noticeboard. */
export function noticeboardUrl(baseUrl: string, kind?: ItemKind): string {
  return `${baseUrl}/noticeboard${kind === undefined ? '' : `?kind=${kind}`}`;
}

export function itemUrl(baseUrl: string, itemId: string): string {
  return `${baseUrl}/noticeboard/${itemId}`;
}
