/**
 * Control characters other than tab and line feed, the two marks of slots (see `slots.ts`), and the characters
 * that turn the direction of everything after them. None of them belongs in a text that people write.
 */
const UNWANTED = /(?![\t\n])[\p{Cc}\ue000\ue001\u202a-\u202e\u2066-\u2069]/gu;

/** Text from outside without unwanted characters; all line breaks become line feeds. */
export function cleanText(text: string): string {
  return text.replace(/\r\n?|\u2028|\u2029/g, '\n').replace(UNWANTED, '');
}

/** Text on one line. */
export function cleanLine(text: string): string {
  return cleanText(text).replace(/\s+/g, ' ').trim();
}

/** A JSON value with every text in it cleaned. Other values, such as instants, stay what they are. */
export function cleanModel<T>(value: T): T {
  if (typeof value === 'string') return cleanText(value) as T;
  if (Array.isArray(value)) return value.map(cleanModel) as T;
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cleanModel(inner)])) as T;
  }
  return value;
}

/** At most `maximum` UTF-16 units of a text, cut between what people see as characters, with "…" for the rest. */
export function shorten(text: string, maximum: number): string {
  if (text.length <= maximum) return text;
  let kept = '';
  for (const { segment } of new Intl.Segmenter('en-GB').segment(text)) {
    if (kept.length + segment.length > maximum - 1) break;
    kept += segment;
  }
  const wholeWords = kept.replace(/\s+\S*$/, '');
  return `${(wholeWords.length > maximum / 2 ? wholeWords : kept).trimEnd()}…`;
}
