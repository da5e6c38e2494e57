import { MEMBER_KINDS } from '../db/schema.ts';
import { invalidInput } from '../kernel/errors.ts';

export type MemberKind = (typeof MEMBER_KINDS)[number];

export const MEMBER_KIND_WORDS: Readonly<Record<MemberKind, string>> = {
  occupational_therapist: 'occupational therapist',
  student: 'student',
};

const LONGEST_NAME = 300;

const SPELLINGS: Readonly<Record<string, MemberKind>> = {
  occupationaltherapist: 'occupational_therapist',
  therapist: 'occupational_therapist',
  ot: 'occupational_therapist',
  student: 'student',
  studentot: 'student',
  otstudent: 'student',
  occupationaltherapystudent: 'student',
  studentoccupationaltherapist: 'student',
};

/**
 * Reads a membership kind as people write it: "OT", "Occupational Therapist", "student".
 *
 * @throws ConvenorError `invalid_input` for `memberKind`.
 */
export function parseMemberKind(text: string): MemberKind {
  const kind = SPELLINGS[text.toLowerCase().replace(/[^a-z]/g, '')];
  if (kind !== undefined) return kind;
  throw invalidInput({ field: 'memberKind', message: 'must be "occupational therapist" or "student"' });
}

/**
 * Reads an HCPC registration number of an occupational therapist: OT and five or six digits.
 *
 * @throws ConvenorError `invalid_input` for `hcpcNumber`.
 */
export function parseHcpcNumber(text: string): string {
  const number = text.toUpperCase().replace(/[\s-]/g, '');
  if (/^OT\d{5,6}$/.test(number)) return number;
  throw invalidInput({
    field: 'hcpcNumber',
    message: 'must be the letters OT and five or six digits (example: OT012345)',
  });
}

/**
 * A person's name on one line: runs of space and control characters become one space. `undefined` when nothing
 * is left.
 *
 * @throws ConvenorError `invalid_input` for `name` when it is longer than 300 characters.
 */
export function parseName(text: string): string | undefined {
  const name = text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .normalize('NFC');
  if (name === '') return undefined;
  if (name.length > LONGEST_NAME) {
    throw invalidInput({ field: 'name', message: `must have at most ${LONGEST_NAME} characters` });
  }
  return name;
}
