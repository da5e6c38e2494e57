/** Characters that would turn into marks of WhatsApp, which has no escape character, and what looks the same and does not. */
const LOOKALIKES: ReadonlyMap<string, string> = new Map([
  ['*', '∗'],
  ['_', 'ˍ'],
  ['~', '∼'],
  ['`', '‘'],
]);

/** Text in which nothing turns into a mark. */
export function withoutMarks(text: string): string {
  return text.replace(/[*_~`]/g, (mark) => LOOKALIKES.get(mark)!);
}
