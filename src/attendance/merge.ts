import { groupNames, readName, type ReadName } from './names.ts';

/** One row of a participant list: one device of one person, from joining to leaving. */
export interface ParticipantRow {
  readonly name: string;
  /** The normalised address, where Zoom knows it. */
  readonly email?: string;
  readonly registrantId?: string;
  /** Zoom's lasting id of a signed-in person. */
  readonly personId?: string;
  readonly time:
    | { readonly from: Temporal.Instant; readonly to: Temporal.Instant }
    /** A summary without times: they cannot be checked for overlap. */
    | { readonly minutes: number };
  readonly inWaitingRoom: boolean;
}

/** The part of the evening that counts. */
export interface Session {
  readonly from: Temporal.Instant;
  readonly to: Temporal.Instant;
}

/** Somebody who was at the meeting. */
export interface Attendee {
  /** The name that says most about the person, before the others under which the person appeared. */
  readonly names: readonly [string, ...string[]];
  readonly email: string | undefined;
  readonly byPhone: boolean;
  /** Time in the meeting within the session, over all devices, counted once. */
  readonly seconds: number;
  /** The same from the rows alone that carry the person's address or Zoom identity: what a certificate may rest on. */
  readonly provenSeconds: number;
  /** How often the person came in, on any device; the waiting room does not count. */
  readonly joins: number;
  readonly firstJoinedAt: Temporal.Instant | undefined;
  readonly lastLeftAt: Temporal.Instant | undefined;
  /** When the person was there, overlaps joined; empty where the list told minutes only. */
  readonly spans: readonly Session[];
}

interface Row extends ParticipantRow {
  readonly read: ReadName;
}

/**
 * Makes people of rows. Rows belong together by registration, address or Zoom identity; a row without any of
 * them joins by name, if that name is one person's only. Names that devices give never join anything. Time is
 * the union of the intervals, so a second device does not count twice; the waiting room does not count.
 *
 * @returns the people in the order of their names; who only sat in the waiting room has no seconds.
 */
export function mergeParticipants(rows: readonly ParticipantRow[], session: Session): Attendee[] {
  const sets = new DisjointSets(rows.length);
  const read: Row[] = rows.map((row) => ({ ...row, read: readName(row.name) }));
  joinByIdentity(read, sets);
  joinByName(read, sets);
  return sets
    .groups()
    .map((members) =>
      toAttendee(
        members.map((index) => read[index]!),
        session,
      ),
    )
    .toSorted((a, b) => a.names[0].localeCompare(b.names[0], 'en-GB'));
}

/** The session of a meeting: planned hours, cut where it really began later or ended earlier. */
export function sessionOf(
  planned: { readonly startsAt: Temporal.Instant; readonly durationMinutes: number },
  actual: {
    readonly startedAt?: Temporal.Instant | undefined;
    readonly endedAt?: Temporal.Instant | undefined;
  } = {},
): Session {
  const end = planned.startsAt.add({ minutes: planned.durationMinutes });
  const from =
    actual.startedAt && isBefore(planned.startsAt, actual.startedAt) ? actual.startedAt : planned.startsAt;
  const to = actual.endedAt && isBefore(actual.endedAt, end) ? actual.endedAt : end;
  // A run that missed the planned hours altogether is a wrong record, not a session of no length.
  return isBefore(from, to) ? { from, to } : { from: planned.startsAt, to: end };
}

export function sessionSeconds({ from, to }: Session): number {
  return to.since(from).total('seconds');
}

function joinByIdentity(rows: readonly Row[], sets: DisjointSets): void {
  const first = new Map<string, number>();
  rows.forEach((row, index) => {
    for (const identity of identities(row)) {
      const other = first.get(identity);
      if (other === undefined) first.set(identity, index);
      else sets.join(other, index);
    }
  });
}

function joinByName(rows: readonly Row[], sets: DisjointSets): void {
  const named = rows.map((row, index) => ({ row, index })).filter(({ row }) => row.read.kind !== 'device');
  const groups = groupNames(named.map(({ row }) => row.read));
  const together = new Map<string, typeof named>();
  for (const member of named) {
    const group = groups.get(member.row.read.key)!;
    together.set(group, [...(together.get(group) ?? []), member]);
  }
  for (const members of together.values()) {
    const anonymous = members.filter(({ row }) => identities(row).length === 0).map(({ index }) => index);
    const people = new Set(
      members.filter(({ row }) => identities(row).length > 0).map(({ index }) => sets.find(index)),
    );
    const [first, ...others] = people.size === 1 ? [...people, ...anonymous] : anonymous;
    for (const other of others) sets.join(first!, other);
  }
}

function identities({ email, registrantId, personId }: Row): string[] {
  return [
    email === undefined ? '' : `email ${email}`,
    registrantId === undefined ? '' : `registrant ${registrantId}`,
    personId === undefined ? '' : `person ${personId}`,
  ].filter((identity) => identity !== '');
}

function toAttendee(rows: readonly Row[], session: Session): Attendee {
  const present = rows.filter((row) => !row.inWaitingRoom);
  const spans = present.flatMap(({ time }) => ('from' in time ? [time] : []));
  return {
    names: namesByTime(rows),
    email: rows.find((row) => row.email !== undefined)?.email,
    byPhone: rows.every((row) => row.read.kind === 'phone'),
    seconds: presentSeconds(present, session),
    provenSeconds: presentSeconds(
      present.filter((row) => identities(row).length > 0),
      session,
    ),
    joins: present.length,
    firstJoinedAt: spans.map(({ from }) => from).toSorted(inOrder)[0],
    lastLeftAt: spans
      .map(({ to }) => to)
      .toSorted(inOrder)
      .at(-1),
    spans: joinSpans(spans),
  };
}

function presentSeconds(rows: readonly Row[], session: Session): number {
  const spans = rows.flatMap(({ time }) => ('from' in time ? [time] : []));
  const summed = rows.reduce((sum, { time }) => sum + ('minutes' in time ? time.minutes * 60 : 0), 0);
  return Math.min(unionSeconds(spans, session) + summed, sessionSeconds(session));
}

/** The time that at least one of the spans covers within the session. */
export function unionSeconds(spans: readonly Session[], session: Session): number {
  return joinSpans(spans)
    .map(({ from, to }) => ({
      from: isBefore(from, session.from) ? session.from : from,
      to: isBefore(session.to, to) ? session.to : to,
    }))
    .filter(({ from, to }) => isBefore(from, to))
    .reduce((seconds, { from, to }) => seconds + to.since(from).total('seconds'), 0);
}

/** The same time in spans that do not touch each other, in order. */
export function joinSpans(spans: readonly Session[]): Session[] {
  const joined: Session[] = [];
  for (const span of [...spans].toSorted((a, b) => inOrder(a.from, b.from))) {
    const last = joined.at(-1);
    if (!last || isBefore(last.to, span.from)) joined.push({ from: span.from, to: span.to });
    else if (isBefore(last.to, span.to)) joined[joined.length - 1] = { from: last.from, to: span.to };
  }
  return joined;
}

/** The names of the rows: those shown to Zoom by a signed-in person first, device names last, then by time. */
function namesByTime(rows: readonly Row[]): [string, ...string[]] {
  const shown = new Map<string, { rank: number; seconds: number }>();
  for (const row of rows) {
    const name = row.name.normalize('NFC').replaceAll(/\s+/g, ' ').trim();
    const rank = row.read.kind !== 'name' ? 0 : identities(row).length === 0 ? 1 : 2;
    const before = shown.get(name) ?? { rank, seconds: 0 };
    const { time } = row;
    const seconds = 'minutes' in time ? time.minutes * 60 : time.to.since(time.from).total('seconds');
    shown.set(name, { rank: Math.max(rank, before.rank), seconds: before.seconds + seconds });
  }
  const order = [...shown].toSorted(([, a], [, b]) => b.rank - a.rank || b.seconds - a.seconds);
  const [first = '', ...others] = order.map(([name]) => name);
  return [first, ...others];
}

function isBefore(a: Temporal.Instant, b: Temporal.Instant): boolean {
  return inOrder(a, b) < 0;
}

function inOrder(a: Temporal.Instant, b: Temporal.Instant): number {
  return Temporal.Instant.compare(a, b);
}

/** Sets of row numbers that can be united (union–find with path halving). */
class DisjointSets {
  readonly #parents: number[];

  constructor(size: number) {
    this.#parents = Array.from({ length: size }, (_, index) => index);
  }

  find(index: number): number {
    let at = index;
    while (this.#parents[at] !== at) {
      this.#parents[at] = this.#parents[this.#parents[at]!]!;
      at = this.#parents[at]!;
    }
    return at;
  }

  join(a: number, b: number): void {
    this.#parents[this.find(b)] = this.find(a);
  }

  groups(): number[][] {
    const groups = new Map<number, number[]>();
    this.#parents.forEach((_, index) => {
      const root = this.find(index);
      groups.set(root, [...(groups.get(root) ?? []), index]);
    });
    return [...groups.values()];
  }
}
