/** Items of the noticeboard as the pages show them. */
import { formatDate, formatDateTime } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { ITEM_KINDS, type ItemKind } from '../../db/schema.ts';
import { ITEM_KIND_WORDS, itemFacts, itemWhen, itemWhere } from '../../noticeboard/item-words.ts';
import { isOpen, type Item, type ItemReview } from '../../noticeboard/items.ts';
import { leafOf } from '../schedule-form.ts';
import { capital } from '../views.ts';
import { ITEM_WORDS } from '../words.ts';

/** How the kinds are called as headings: "Vacancies". */
export const ITEM_KIND_PLURALS: Readonly<Record<ItemKind, string>> = {
  vacancy: 'Vacancies',
  training: 'Training',
  request: 'Requests',
};

/** A kind as an address names it; `undefined` for anything else. */
export function itemKind(text: string): ItemKind | undefined {
  return ITEM_KINDS.find((kind) => kind === text);
}

/** The day by which people look for an item: its first day, or its last where it has no first. */
function dayOf(item: Item): Temporal.PlainDate {
  return item.startsAt ? toWall(item.startsAt, item.zone).toPlainDate() : item.closesOn;
}

/** A line in a list of items. */
export function itemRow(item: Item) {
  return {
    id: item.id,
    title: item.title,
    kind: capital(ITEM_KIND_WORDS[item.kind]),
    organisation: item.organisation,
    where: itemWhere(item),
    when: itemWhen(item),
    about: [item.organisation, itemWhere(item), item.pay].filter(Boolean).join(' · '),
    leaf: leafOf(dayOf(item)),
    isDuplicate: item.duplicateOf !== null,
    ...ITEM_WORDS[item.state],
  };
}

/** Everything that an item says. */
export function itemView(item: Item, now: Temporal.Instant) {
  return {
    ...itemRow(item),
    sequence: item.sequence,
    text: item.text,
    facts: itemFacts(item),
    link: item.link ?? undefined,
    linkHost: item.link === null ? undefined : new URL(item.link).host.replace(/^www\./, ''),
    until: formatDate(item.closesOn),
    isVacancy: item.kind === 'vacancy',
    isTraining: item.kind === 'training',
    isRequest: item.kind === 'request',
    isOpen: isOpen(item, now),
  };
}

const ACTS: Readonly<Record<ItemReview['kind'], string>> = {
  submitted: 'Handed in',
  confirmed: 'Address confirmed',
  edited: 'Changed',
  asked: 'Question',
  answered: 'Answer',
  approved: 'Approved',
  rejected: 'Turned down',
  withdrawn: 'Taken down',
  expired: 'Over',
};

/** The history of an item, in the order it is given. */
export function historyView(
  history: readonly ItemReview[],
  { nameOf, zone }: { nameOf: (actor: string) => string; zone: string },
) {
  return history.map((act) => ({
    what: ACTS[act.kind],
    when: formatDateTime(act.at, zone),
    by: nameOf(act.actor),
    // The names of changed fields are of no use to a person.
    text: act.kind === 'edited' ? '' : act.text,
  }));
}
