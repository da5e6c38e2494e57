/**
 * A mail is rendered once per announcement. What differs from person to person is left as a mark and filled in for
 * each: the mark is `U+E000 name U+E001`, two private-use characters that no text from outside keeps.
 */

/** Every slot and what may stand in it. A further personal link is a further line here. */
const SLOTS = {
  /** "Hello Ann," or, without a name, "Hello,". */
  greetingName: 'greeting',
  unsubscribeUrl: 'url',
  preferencesUrl: 'url',
} as const satisfies Record<string, 'greeting' | 'url'>;

export type SlotName = keyof typeof SLOTS;

/** Values for one recipient. A mark in the mail without a value here is an error; a value without a mark is not. */
export type SlotValues = { readonly greetingName: string | null } & {
  readonly [Name in Exclude<SlotName, 'greetingName'>]?: string;
};

/** A mail that may hold slot marks (in `html` and `text`), as `Renderer.mail` gives it. Plain JSON. */
export interface RenderedMail {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

/** A mail for one person, without marks. */
export interface FilledMail extends RenderedMail {
  readonly filled: true;
}
