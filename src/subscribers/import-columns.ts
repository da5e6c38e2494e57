import type { Topic } from '../db/schema.ts';
import { parseEmailAddress } from '../kernel/email-address.ts';
import { invalidInput } from '../kernel/errors.ts';
import type { Enrolment } from './enrol.ts';
import { parseHcpcNumber, parseMemberKind, parseName } from './members.ts';
import { parseTopics } from './topics.ts';

export type Column = 'email' | 'name' | 'firstName' | 'lastName' | 'topics' | 'memberKind' | 'hcpcNumber';

/** How a column may be headed, in lower case without spaces and punctuation. */
const HEADINGS: Readonly<Record<Column, readonly string[]>> = {
  email: ['email', 'emailaddress', 'mail', 'mailaddress', 'address', 'subscriber'],
  name: ['name', 'fullname', 'displayname', 'contactname'],
  firstName: ['firstname', 'forename', 'givenname', 'first'],
  lastName: ['lastname', 'surname', 'familyname', 'last'],
  topics: ['topics', 'topic', 'interests', 'lists', 'groups'],
  memberKind: [
    'memberkind',
    'membership',
    'membershipkind',
    'membershiptype',
    'membertype',
    'kind',
    'profession',
  ],
  hcpcNumber: ['hcpcnumber', 'hcpc', 'hcpcregistration', 'hcpcregistrationnumber', 'registrationnumber'],
};

/** How the file of this import calls its columns, where that is not one of the usual ways. */
export type ColumnNames = Readonly<Partial<Record<Column, string>>>;

/** Where each known column stands in the file. */
export type ImportColumns = ReadonlyMap<Column, number> & { readonly count: number };

/**
 * Finds the known columns in the first line of a file; others are left alone.
 *
 * @param names columns with another heading than the usual ones; what is named here is not looked for elsewhere.
 * @throws ConvenorError `invalid_input` for `file` when there is no column of addresses, or two of one kind, or
 *   none with a name that was given.
 */
export function readColumns(header: readonly string[], names: ColumnNames = {}): ImportColumns {
  const found = new Map<Column, number>();
  header.forEach((text, index) => {
    const heading = plain(text);
    const columns = Object.keys(HEADINGS) as Column[];
    const column =
      columns.find((each) => names[each] && plain(names[each]) === heading) ??
      columns.find((each) => !names[each] && HEADINGS[each].includes(heading));
    if (column === undefined) return;
    if (found.has(column)) {
      throw invalidInput({ field: 'file', message: `has two columns for the ${wordsFor(column)}; keep one` });
    }
    found.set(column, index);
  });
  for (const [column, name] of Object.entries(names)) {
    if (name && !found.has(column as Column)) {
      throw invalidInput({ field: 'file', message: `has no column named "${name}"` });
    }
  }
  if (!found.has('email')) {
    const names = header.map((text) => `"${text.trim().slice(0, 30)}"`).slice(0, 10);
    const hint = header.some((text) => text.includes('@'))
      ? 'its first line must name the columns, such as "email,name"'
      : `no column is named "email"; its columns are ${names.join(', ')}`;
    throw invalidInput({ field: 'file', message: `cannot be imported: ${hint}` });
  }
  return Object.assign(found, { count: header.length });
}

/**
 * Reads one line.
 *
 * @param defaults topics for a line that names none.
 * @throws ConvenorError `invalid_input` that names the column and what was expected.
 */
export function readPerson(
  columns: ImportColumns,
  fields: readonly string[],
  { topics: defaults, note }: { topics: readonly Topic[]; note: string },
): Enrolment {
  if (fields.length > columns.count) {
    throw invalidInput({
      field: 'line',
      message: `has ${fields.length} fields, but the first line names ${columns.count}; a comma inside a field needs quotes around it`,
    });
  }
  const field = (column: Column): string => fields[columns.get(column) ?? -1]?.trim() ?? '';
  const address = parseEmailAddress(field('email'));
  const name = parseName(field('name') || `${field('firstName')} ${field('lastName')}`);
  const [kind, hcpc] = [field('memberKind'), field('hcpcNumber')];
  const topics =
    field('topics') === ''
      ? defaults
      : parseTopics(
          field('topics')
            .split(/[\s;,|/]+/)
            .filter(Boolean),
        );
  return {
    address,
    topics,
    note,
    ...(name === undefined ? {} : { name }),
    ...(kind === '' ? {} : { memberKind: parseMemberKind(kind) }),
    ...(hcpc === '' ? {} : { hcpcNumber: parseHcpcNumber(hcpc) }),
  };
}

/** The address of a line that was refused, as it stands in the file, for the report. */
export function addressOf(columns: ImportColumns, fields: readonly string[]): string {
  return fields[columns.get('email')!]?.trim().slice(0, 254) ?? '';
}

function plain(heading: string): string {
  return heading.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

function wordsFor(column: Column): string {
  return column.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
