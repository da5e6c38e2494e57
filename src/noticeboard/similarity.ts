/** How alike two items are, so that one that is handed in a second time is noticed. Pure. */

/** The parts of an item by which a person would know it again. */
export interface Comparable {
  readonly title: string;
  readonly organisation: string;
  readonly place: string;
  readonly online: boolean;
  readonly text: string;
  readonly link: string | null;
  /** Its first day, or its last one where it has no first. */
  readonly day: Temporal.PlainDate;
}

/** From here on two items are shown to the administrator as perhaps the same. */
export const ALIKE = 0.75;

/** Words that people shorten, with what they are compared as. */
const SHORTENED: readonly (readonly [RegExp, string])[] = [
  [/\boccupational therap(?:ists?|y)\b/g, 'ot'],
  [/\bots\b/g, 'ot'],
  [/\bsr\b/g, 'senior'],
  [/\b(?:limited|ltd|plc|cic|nhs|foundation|trust)\b/g, ''],
  [/\bp ?t\b/g, 'part time'],
  [/\bf ?t\b/g, 'full time'],
];

/** Lower case, without accents, marks and the words that firms add to their names. */
export function normaliseForComparison(text: string): string {
  const plain = text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replaceAll('&', ' and ')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
  const expanded = SHORTENED.reduce((sofar, [words, instead]) => sofar.replace(words, instead), plain);
  const short = expanded.replace(/\s+/g, ' ').trim();
  return short === '' ? plain : short;
}

/** The share of letter pairs that two texts have in common (Dice), 0 to 1. */
export function textLikeness(one: string, other: string): number {
  const [a, b] = [normaliseForComparison(one), normaliseForComparison(other)];
  if (a === b) return 1;
  const pairs = letterPairs(a);
  const others = letterPairs(b);
  let shared = 0;
  for (const [pair, n] of pairs) shared += Math.min(n, others.get(pair) ?? 0);
  const total = Math.max(a.length - 1, 0) + Math.max(b.length - 1, 0);
  return total === 0 ? 0 : (2 * shared) / total;
}

function letterPairs(text: string): Map<string, number> {
  const pairs = new Map<string, number>();
  for (let i = 0; i + 1 < text.length; i++) {
    const pair = text.slice(i, i + 2);
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  }
  return pairs;
}

/** "Band 5" and "Band 6" are nearly the same letters and not the same role. */
function titleLikeness(one: string, other: string): number {
  const numbers = (text: string) => (text.match(/\p{N}+/gu) ?? []).sort().join(' ');
  const likeness = textLikeness(one, other);
  return numbers(one) === numbers(other) ? likeness : Math.min(likeness, 0.4);
}

/** A week apart is still the same event with a corrected date; a month apart is the next one of its kind. */
function dayLikeness(one: Temporal.PlainDate, other: Temporal.PlainDate): number {
  const days = Math.abs(one.until(other).days);
  if (days === 0) return 1;
  return days <= 7 ? 0.6 : 0;
}

function placeLikeness(one: Comparable, other: Comparable): number {
  if (one.place === '' || other.place === '') return one.online === other.online ? 1 : 0;
  return textLikeness(one.place, other.place);
}

/**
 * How alike two items of one kind are, 0 to 1: by name, employer or provider, place and day. One link on the same
 * day is the same thing whatever it is called.
 */
export function likeness(one: Comparable, other: Comparable): number {
  const day = dayLikeness(one.day, other.day);
  if (one.text !== '' || other.text !== '') {
    return 0.9 * textLikeness(one.text, other.text) + 0.1 * day;
  }
  const sum =
    0.45 * titleLikeness(one.title, other.title) +
    0.25 * textLikeness(one.organisation, other.organisation) +
    0.1 * placeLikeness(one, other) +
    0.2 * day;
  return sameLink(one.link, other.link) && day === 1 ? Math.max(sum, 0.9) : sum;
}

/** Whether two links lead to one page: without what only counts clicks. */
function sameLink(one: string | null, other: string | null): boolean {
  return one !== null && other !== null && pageOf(one) === pageOf(other);
}

function pageOf(link: string): string {
  const url = new URL(link);
  const wanted = [...url.searchParams].filter(([name]) => !/^(?:utm_\w+|fbclid|gclid|mc_[ce]id)$/.test(name));
  const query = wanted
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join('&');
  return `${url.host.replace(/^www\./, '')}${url.pathname.replace(/\/+$/, '')}?${query}`;
}
