import { nearest } from './nearest.ts';

/** One place in a text where a value goes: `{{name|there}}` is the field `name` with the fallback "there". */
export interface MergeField {
  readonly name: string;
  /** What stands there when there is no value; `undefined` when the text gives none. */
  readonly fallback: string | undefined;
}

const SOURCE = String.raw`\{\{[ \t]*([A-Za-z][\w-]*)[ \t]*(?:\|([^{}|\n]*))?\}\}`;
const ANY = new RegExp(SOURCE, 'g');
const HERE = new RegExp(SOURCE, 'y');

function fieldOf(match: RegExpExecArray | RegExpMatchArray): MergeField {
  return { name: match[1]!, fallback: match[2]?.trim() };
}

/** The field that begins at a position of a text, with the length of its source. */
export function mergeFieldAt(text: string, position: number): (MergeField & { length: number }) | undefined {
  HERE.lastIndex = position;
  const match = HERE.exec(text);
  return match === null ? undefined : { ...fieldOf(match), length: match[0].length };
}

/** A text with every field replaced. Nothing in a value is read again. */
export function fillMergeFields(text: string, valueOf: (field: MergeField) => string): string {
  return text.replace(ANY, (_field, name: string, fallback?: string) =>
    valueOf({ name, fallback: fallback?.trim() }),
  );
}

/** A fault in the fields of a text. Lines count from 1. */
export interface MergeFieldFault {
  readonly line: number;
  readonly message: string;
}

/**
 * What is wrong with the fields of a text: braces that make no field, and fields that there are none of, with the
 * nearest that there is.
 */
export function mergeFieldFaults(text: string, known: readonly string[]): MergeFieldFault[] {
  const faults: MergeFieldFault[] = [];
  text.split('\n').forEach((source, index) => {
    const line = index + 1;
    for (const match of source.matchAll(ANY)) {
      const { name } = fieldOf(match);
      if (known.includes(name)) continue;
      const meant = nearest(name, known);
      faults.push({
        line,
        message: `There is no field {{${name}}}${meant ? `; is {{${meant}}} meant?` : `. There are ${known.join(', ')}.`}`,
      });
    }
    if (/\{\{|\}\}/.test(source.replace(ANY, ''))) {
      faults.push({
        line,
        message:
          'A field is written {{name}} or {{name|what to say instead}}, on one line; these braces make none.',
      });
    }
  });
  return faults;
}

/** All fields of a text with their lines, in order. */
export function mergeFieldsOf(text: string): (MergeField & { line: number })[] {
  return text
    .split('\n')
    .flatMap((source, index) =>
      [...source.matchAll(ANY)].map((match) => ({ ...fieldOf(match), line: index + 1 })),
    );
}
