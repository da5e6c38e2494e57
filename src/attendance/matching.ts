import type { Attendee } from './merge.ts';
import { readName } from './names.ts';

/** Somebody on the list, as matching sees them. */
export interface KnownPerson {
  readonly id: string;
  readonly name: string | null;
  readonly emailNormalised: string;
  /** Said "yes" or "maybe" to the invitation, by a link that only this person has. */
  readonly expected: boolean;
}

/** Who an attendee is: by their address, by their answer to the invitation together with their name, or nobody sure. */
export type Match =
  | { readonly by: 'email' | 'rsvp'; readonly id: string }
  | { readonly by: 'nothing'; readonly suggestedId: string | undefined };

/**
 * Finds out who came. An address decides. Without one, a full name decides only when exactly one person of that
 * name is on the list, answered the invitation, and nobody else came under it; any other name, and one that comes
 * with an address we do not know, is a suggestion for a person to confirm. Devices and telephone callers are never guessed at.
 */
export function matchAttendees(attendees: readonly Attendee[], people: readonly KnownPerson[]): Match[] {
  const byEmail = new Map(people.map((person) => [person.emailNormalised, person]));
  const byName = groupByName(people);
  const present = attendees.map(({ email }) => (email === undefined ? undefined : byEmail.get(email)?.id));
  const here = new Set(present.filter((id) => id !== undefined));
  const namesakes = attendees.map((attendee, index) =>
    present[index] === undefined ? findByName(attendee, byName) : undefined,
  );
  return attendees.map(({ email }, index): Match => {
    const id = present[index];
    if (id !== undefined) return { by: 'email', id };
    const person = namesakes[index];
    if (!person) return { by: 'nothing', suggestedId: undefined };
    const alone = namesakes.filter((other) => other?.id === person.id).length === 1;
    const sure = email === undefined && alone && !here.has(person.id);
    if (sure && person.expected) return { by: 'rsvp', id: person.id };
    return { by: 'nothing', suggestedId: person.id };
  });
}

/** The one person on the list with one of the attendee's full names; none when there are several. */
function findByName(attendee: Attendee, byName: ReadonlyMap<string, KnownPerson[]>): KnownPerson | undefined {
  const found = new Set(attendee.names.flatMap(nameKeys).flatMap((key) => byName.get(key) ?? []));
  return found.size === 1 ? [...found][0] : undefined;
}

function groupByName(people: readonly KnownPerson[]): Map<string, KnownPerson[]> {
  const groups = new Map<string, KnownPerson[]>();
  for (const person of people) {
    for (const key of nameKeys(person.name ?? '')) groups.set(key, [...(groups.get(key) ?? []), person]);
  }
  return groups;
}

/** The keys of a name and of its parts, full names only: "Anna" is nobody in particular. */
function nameKeys(name: string): string[] {
  const { key, parts, kind } = readName(name);
  if (kind !== 'name') return [];
  return [key, parts?.outside ?? '', parts?.inside ?? ''].filter((text) => text.includes(' '));
}
