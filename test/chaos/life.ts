import { setTimeout as pause } from 'node:timers/promises';
import type { Group, Running, StopKind } from './group.ts';
import type { GroupTime } from './group-time.ts';
import type { Random } from './random.ts';
import type { Stage } from './stage.ts';

export type LifeEvent = StopKind | 'run that paused itself' | 'quiet hours' | 'opt-out';

const MINUTE_MS = 60_000;
/** For how long the quiet hours are watched; on the group's clock they are two minutes. */
const QUIET_MS = 4_000;
/** A job that has begun works by the settings of its beginning, for so long at most. */
const TURN_MS = 15_000;
const FIRST_QUIET_AFTER_MS = 12_000;
const NEXT_QUIET_AFTER_MS = 120_000;
/** After so many tries in vain the next act has its turn. */
const TRIES = 8;

/** Says whether it could be done. */
type Act = () => Promise<boolean>;

/** What administrators and people do while everything breaks. They meet the same faults, so any act may fail. */
export class Life {
  /** Stretches of quiet, in the group's time. */
  readonly quiet: { from: number; to: number }[] = [];
  /** When the answer to an opt-out came, by address; and who asked for one, answered or not. */
  readonly optOuts = new Map<string, number>();
  readonly leavers = new Set<string>();
  pauses = 0;
  readonly #stage: Stage;
  readonly #group: Group;
  readonly #time: GroupTime;
  readonly #random: Random;
  #tries = 0;
  #nextQuiet = Date.now() + FIRST_QUIET_AFTER_MS;

  constructor(stage: Stage, group: Group, time: GroupTime, random: Random) {
    this.#stage = stage;
    this.#group = group;
    this.#time = time;
    this.#random = random;
  }

  readonly #forgetting: Act = () => this.#forget();
  /** Whose turn it is comes first. */
  readonly #acts: Act[] = [
    this.#forgetting,
    () => this.#leave(),
    () => this.#onSomeRun((run) => this.#group.move(run)),
    () => this.#leave(),
    () => this.#onSomeRun((run) => this.#hold(run)),
    () => this.#onSomeRun((run) => this.#group.cancelMeeting(run)),
    () => this.#leave(),
    () => this.#onSomeRun((run) => this.#group.cancel(run)),
    () => this.#onSomeRun((run) => this.#hold(run)),
    () => this.#leave(),
  ];
  /** Those that have not succeeded yet. */
  readonly #owed = new Set(this.#acts);

  /** Whether everything has happened once. */
  get complete(): boolean {
    return this.#owed.size === 0 && this.quiet.some(({ to }) => to <= this.#time.now());
  }

  async begin(): Promise<void> {
    await this.#planQuietHours();
    await this.#group.addMeetings(1, 'of little time', 4);
  }

  /** Lets runs go on that paused themselves. */
  async resumePaused(options: { all?: boolean } = {}): Promise<void> {
    this.pauses += await this.#group.resumePaused(options);
  }

  /** Does the next act, or passes the quiet hours when it is time. */
  async goOn(): Promise<void> {
    // What is of use for minutes only would be over after the quiet hours.
    if (Date.now() > this.#nextQuiet && !this.#owed.has(this.#forgetting)) {
      this.#nextQuiet = Date.now() + NEXT_QUIET_AFTER_MS;
      await this.#passQuietHours();
      return;
    }
    const turn = Math.max(
      this.#acts.findIndex((act) => this.#owed.has(act)),
      0,
    );
    const act = this.#acts[turn]!;
    this.#tries += 1;
    const done = await act().catch(() => false);
    if (done) this.#owed.delete(act);
    if (!done && this.#tries < TRIES) return;
    this.#acts.push(...this.#acts.splice(turn, 1));
    this.#tries = 0;
  }

  counts(): Record<LifeEvent, number> {
    const stops = (kind: StopKind) => this.#group.stops.filter(({ why }) => why === kind).length;
    return {
      hold: stops('hold'),
      'hold until too late': stops('hold until too late'),
      'cancelled announcement': stops('cancelled announcement'),
      'moved meeting': stops('moved meeting'),
      'cancelled meeting': stops('cancelled meeting'),
      'run that paused itself': this.pauses,
      'quiet hours': this.quiet.filter(({ to }) => to <= this.#time.now()).length,
      'opt-out': this.optOuts.size,
    };
  }

  async #planQuietHours(): Promise<void> {
    const from = this.#time.fullMinute(2);
    const to = from + 2 * MINUTE_MS;
    await this.#group.setQuietHours(from, to);
    this.quiet.push({ from, to });
  }

  /** Two quiet minutes, of which most are skipped. */
  async #passQuietHours(): Promise<void> {
    const time = this.#time;
    if (time.now() > this.quiet.at(-1)!.to) {
      await this.#planQuietHours();
      await pause(TURN_MS);
    }
    const { from, to } = this.quiet.at(-1)!;
    if (time.now() < from) time.advance(from - time.now() - 2_000);
    await pause(Math.max(0, from - time.now()) + QUIET_MS);
    time.advance(to - time.now());
  }

  /** One announcement that has begun, and one that has not. */
  async #forget(): Promise<boolean> {
    if (this.#stage.mail.arrivals.length === 0) return false;
    await this.#group.forgetShort();
    await this.#group.addMeetings(1, 'of no time', 3);
    return (await this.#group.forgetShort()) > 0;
  }

  async #onSomeRun(work: (run: Running) => Promise<void>): Promise<boolean> {
    const sending = await this.#group.sending();
    if (sending.length < 2) return false;
    await work(this.#random.pick(sending));
    return true;
  }

  async #hold(run: Running): Promise<void> {
    const stop = await this.#group.hold(run);
    for (let tries = 0; tries < 20; tries++) {
      await pause(this.#random.between(1_000, 3_000));
      try {
        await this.#group.resume(stop);
        return;
      } catch {
        // The database is away; it stays on hold meanwhile.
      }
    }
  }

  async #leave(): Promise<boolean> {
    const arrival = this.#stage.mail.arrivals.at(-this.#random.between(1, 50));
    if (arrival?.leave === undefined || this.optOuts.has(arrival.to)) return false;
    this.leavers.add(arrival.to);
    const response = await fetch(arrival.leave, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'List-Unsubscribe=One-Click',
      signal: AbortSignal.timeout(10_000),
    });
    if (response.ok) this.optOuts.set(arrival.to, Date.now());
    return response.ok;
  }
}
