import type { Injected } from './faults.ts';
import type { Stop } from './group.ts';
import type { ClaimRow, DeliveryRow, Ledger } from './ledger.ts';
import type { Arrival, Refusal } from './smtp.ts';

/** How a run ended, as the mail server and the ledger tell it. */
export interface Verdict {
  readonly deliveries: number;
  readonly sent: number;
  readonly excluded: number;
  readonly failed: number;
  readonly unknown: number;
  readonly cancelled: number;
  readonly doubled: number;
  readonly lost: number;
  /** One sentence for everything that is not as it must be. */
  readonly wrong: readonly string[];
}

/** What the suite did and saw during a run. Times in milliseconds of this machine's clock, where nothing else is said. */
export interface Journal {
  readonly arrivals: readonly Arrival[];
  /** Messages whose content began to reach the mail server. */
  readonly begun: ReadonlySet<string>;
  readonly refusals: readonly Refusal[];
  readonly faults: readonly Injected[];
  readonly stops: readonly Stop[];
  /** Stretches in which nothing may be claimed, on the clock of whoever claims. */
  readonly quiet: readonly { readonly from: number; readonly to: number }[];
  /** When the answer to an opt-out came, by address. */
  readonly optOuts: ReadonlyMap<string, number>;
  /** Who asked to leave, whether or not the answer came. */
  readonly leavers: ReadonlySet<string>;
  /** The name of the process that a claim belongs to. */
  actorOf(claimedBy: string): string | undefined;
}

/** Claims and what came of them may be this long apart, when nothing was recorded in between. */
const SILENCE_MS = 90_000;

/** The hour is looked up before the claim, by the same process: so much may lie between. */
const QUIET_TOLERANCE_MS = 100;

/** Holds the messages at the mail server against the ledger. Nothing may be under way any more. */
export function judge(ledger: Ledger, journal: Journal): Verdict {
  const wrong: string[] = [];
  const counts = { sent: 0, excluded: 0, failed: 0, unknown: 0, cancelled: 0 };
  const claims = groupBy(ledger.claims, ({ deliveryId }) => deliveryId);
  const stops = groupBy(journal.stops, ({ announcementId }) => announcementId);
  const kept = groupBy(
    journal.arrivals.filter((arrival) => arrival.kept),
    ({ messageId }) => messageId,
  );
  const answered = new Set(
    journal.arrivals.filter((arrival) => arrival.answered).map(({ messageId }) => messageId),
  );
  const refusals = groupBy(journal.refusals, ({ to }) => to);
  const runs = new Map(ledger.runs.map((run) => [run.id, run]));
  const lies = journal.faults.some(({ kind }) => kind.endsWith('lie about size'));
  let doubled = 0;
  let lost = 0;

  for (const row of ledger.deliveries) {
    const copies = kept.get(row.messageId)?.length ?? 0;
    const say = (what: string) =>
      wrong.push(`${what}: ${row.email}, ${row.id} (${row.state}: ${row.reason ?? ''})`);
    if (copies > 1) {
      doubled += 1;
      say(`arrived ${copies} times`);
    }
    if (row.state in counts) counts[row.state as keyof typeof counts] += 1;
    switch (row.state) {
      case 'sent':
        if (copies === 0) {
          lost += 1;
          say('sent, but never arrived');
        }
        break;
      case 'unknown':
        if (!isExplained(row)) say('unknown without a fault');
        break;
      case 'excluded':
      case 'failed':
      case 'cancelled':
        if (copies > 0) say('arrived all the same');
        if (!isTrue(row)) say('its reason is not true');
        break;
      default:
        lost += 1;
        say('never came to an end');
    }
    for (const claim of claims.get(row.id) ?? []) {
      const objection = objectionTo(claim, row);
      if (objection !== undefined) say(`claimed ${objection}`);
    }
  }

  /** Whether something happened to the process that handed it over, or to the answer. */
  function isExplained({ id, reason, messageId, claimedBy }: DeliveryRow): boolean {
    const claimedAt = claims.get(id)?.at(-1)?.at ?? 0;
    const actor = claimedBy === null ? undefined : journal.actorOf(claimedBy);
    const met = journal.faults.some(
      ({ touches, from, to }) =>
        actor !== undefined && touches.has(actor) && from <= claimedAt + SILENCE_MS && to >= claimedAt,
    );
    if (reason?.startsWith('Convenor stopped') === true) return met;
    // The mail server kept its answer to itself, or the way to it broke while the content was on it.
    return met || (journal.begun.has(messageId) && !answered.has(messageId));
  }

  /** Whether the reason why somebody got nothing is what happened. */
  function isTrue({ state, reason, email, announcementId }: DeliveryRow): boolean {
    if (reason === null || reason === '') return false;
    const run = runs.get(announcementId);
    const met = refusals.get(email) ?? [];
    switch (state) {
      case 'excluded':
        if (reason.includes('do-not-mail')) return met.some(({ line }) => line.startsWith('550 5.1.1'));
        if (reason.includes('change notice'))
          return journal.stops.some(
            ({ why, meetingId }) => why === 'moved meeting' && meetingId === run?.meetingId,
          );
        return journal.leavers.has(email);
      case 'cancelled':
        return journal.stops.some(
          ({ why, announcementId: id, meetingId }) =>
            why !== 'hold' && (id === announcementId || (meetingId !== null && meetingId === run?.meetingId)),
        );
      default:
        return (
          reason.startsWith('Too late') ||
          (lies && /size/i.test(reason)) ||
          met.some(({ line }) => reason.includes(line))
        );
    }
  }

  function objectionTo({ at, ownAt, lateAfter }: ClaimRow, { announcementId, email }: DeliveryRow) {
    const stop = stops.get(announcementId)?.find(({ from, to }) => at > from && at < to);
    if (stop) return `after an acknowledged ${stop.why}`;
    if (at > (journal.optOuts.get(email) ?? Number.POSITIVE_INFINITY)) return 'after an opt-out';
    if (ownAt >= lateAfter) return 'after its late limit';
    const inside = journal.quiet.some(({ from, to }) => ownAt > from + QUIET_TOLERANCE_MS && ownAt < to);
    return inside ? 'in the quiet hours' : undefined;
  }

  const ids = new Set(ledger.deliveries.map(({ messageId }) => messageId));
  if (ids.size < ledger.deliveries.length) wrong.push('two deliveries have one Message-ID');
  const people = new Set(ledger.deliveries.map(({ email }) => email));
  for (const { messageId, to } of [...kept.values()].flat())
    if (people.has(to) && !ids.has(messageId))
      wrong.push(`a message that no row tells of: ${messageId} to ${to}`);

  lost += ledger.missing.length;
  for (const { email, title } of ledger.missing) wrong.push(`${email} has no row for "${title}"`);

  const touched = new Set(journal.stops.map(({ meetingId }) => meetingId));
  for (const { state, title, balanced, meetingId, brief } of ledger.runs) {
    if (!balanced) wrong.push(`the books of "${title}" do not balance`);
    const ended =
      state === 'sent' ||
      (state === 'cancelled' && touched.has(meetingId)) ||
      // The group's time leaps by minutes, and a hold may last until then.
      (state === 'missed' && brief);
    if (!ended) wrong.push(`"${title}" ended as ${state}`);
  }
  for (const stop of journal.stops) wrong.push(...untold(stop));

  /** Everybody who may know the time that no longer holds is written down for a mail that says so. */
  function untold({ why, announcementId, meetingId }: Stop): string[] {
    if (why !== 'moved meeting' && why !== 'cancelled meeting') return [];
    const later = new Set(
      ledger.runs
        .filter((run) => run.meetingId === meetingId && run.id !== announcementId)
        .map(({ id }) => id),
    );
    const told = new Set(
      ledger.deliveries.filter((row) => later.has(row.announcementId)).map(({ email }) => email),
    );
    return ledger.deliveries
      .filter((row) => row.announcementId === announcementId && /^(?:sent|unknown)$/.test(row.state))
      .filter(({ email }) => !told.has(email) && !journal.leavers.has(email))
      .map(({ email }) => `${email} was never told of a ${why}`);
  }

  return { deliveries: ledger.deliveries.length, ...counts, doubled, lost, wrong };
}

function groupBy<T>(list: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}
