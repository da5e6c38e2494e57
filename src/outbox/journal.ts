import { appendFileSync, createReadStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import type { Mailer } from '../mail/types.ts';

/** Files of so many months are kept, which is longer than anybody goes back to a backup. */
const MONTHS_KEPT = 13;
const NAME = /^\d{4}-\d{2}\.jsonl$/;

const line = z.object({
  at: z.string(),
  /** `begun` before a message is handed over, then what came of it. */
  act: z.enum(['begun', 'taken', 'refused', 'unknown']),
  // Made of a digest, so not of any version that RFC 9562 names.
  delivery: z.guid(),
});

/** Where the journal is: beside the database, so that a database that is taken back does not take it along. */
export function journalFolder({ DATA_DIR }: { readonly DATA_DIR: string }): string {
  return path.join(DATA_DIR, 'journal');
}

/**
 * How long the line of a message that was taken may wait for others. Until it is written the journal knows as much as of
 * one whose answer was lost, which is not sent again either.
 */
const TAKEN_WAITS_MS = 20;

/** What the journal knows of a delivery that was handed over. */
export interface JournalEntry {
  readonly deliveryId: string;
  /** `unknown` when nobody knows whether the server took it. */
  readonly outcome: 'sent' | 'unknown';
  readonly at: Temporal.Instant;
}

/**
 * A mailer that keeps a journal beside the database of every delivery that it hands over: ids and times, no
 * addresses. When the database is taken back to an earlier moment, the journal still knows what went out. A journal
 * that cannot be written is reported and keeps no mail from going out.
 */
export function journalled(
  mailer: Mailer,
  { folder, clock, log }: { folder: string; clock: Clock; log: Log },
): Mailer {
  let ready: Promise<unknown> | undefined;
  let broken = false;
  let waiting: Omit<z.output<typeof line>, 'at'>[] = [];
  let latest = Promise.resolve();
  let next: Promise<void> | undefined;
  let soon: NodeJS.Timeout | undefined;

  /** Resolves when what waits is in the file. What comes while one write is under way goes out together. */
  function flush(): Promise<void> {
    next ??= latest = latest.then(write);
    return next;
  }

  function note(delivery: string, act: z.output<typeof line>['act']): Promise<void> {
    waiting.push({ act, delivery });
    return flush();
  }

  /** As `note`, for a line that nobody waits for: it goes out with the next one, or soon. */
  function noteSoon(delivery: string, act: z.output<typeof line>['act']): void {
    waiting.push({ act, delivery });
    soon ??= setTimeout(() => void flush(), TAKEN_WAITS_MS);
  }

  async function write(): Promise<void> {
    const lines = waiting;
    waiting = [];
    next = undefined;
    clearTimeout(soon);
    soon = undefined;
    if (lines.length === 0) return;
    // Written for every few messages: the date's own form is a tenth of the work.
    const at = new Date(clock.now().epochMilliseconds).toISOString();
    try {
      await (ready ??= prepare(folder));
      // One short write into the system's cache: a turn of the thread pool would cost several times as much.
      appendFileSync(
        path.join(folder, `${at.slice(0, 7)}.jsonl`),
        lines.map(({ act, delivery }) => `{"at":"${at}","act":"${act}","delivery":"${delivery}"}\n`).join(''),
        { mode: 0o600 },
      );
      broken = false;
    } catch (err) {
      if (!broken) log.error({ err }, 'the journal of what is sent cannot be written');
      broken = true;
    }
  }

  return {
    ...mailer,
    check: () => mailer.check(),
    async close() {
      await mailer.close();
      await flush();
    },
    async send(mail, signal) {
      const { deliveryId } = mail;
      if (deliveryId === undefined) return mailer.send(mail, signal);
      await note(deliveryId, 'begun');
      const outcome = await mailer.send(mail, signal);
      if (outcome.result === 'accepted') noteSoon(deliveryId, 'taken');
      else await note(deliveryId, outcome.result === 'unknown' ? 'unknown' : 'refused');
      return outcome;
    },
  };
}

/**
 * Everything that was or may have been handed over since a moment, each delivery once.
 *
 * @param since without it, all that is kept.
 */
export async function readJournal(folder: string, since?: Temporal.Instant): Promise<JournalEntry[]> {
  const entries = new Map<string, JournalEntry>();
  const month = since?.toString().slice(0, 7);
  for (const file of await filesOf(folder)) {
    if (month !== undefined && file.slice(0, 7) < month) continue;
    for await (const text of createInterface({ input: createReadStream(path.join(folder, file)) })) {
      const read = readLine(text);
      if (read === undefined) continue;
      const at = Temporal.Instant.from(read.at);
      if (since !== undefined && Temporal.Instant.compare(at, since) < 0) continue;
      if (read.act === 'refused') {
        if (entries.get(read.delivery)?.outcome !== 'sent') entries.delete(read.delivery);
      } else if (entries.get(read.delivery)?.outcome !== 'sent') {
        const outcome = read.act === 'taken' ? 'sent' : 'unknown';
        entries.set(read.delivery, { deliveryId: read.delivery, outcome, at });
      }
    }
  }
  return [...entries.values()];
}

/** A line that a crash cut off is passed over. */
function readLine(text: string): z.output<typeof line> | undefined {
  try {
    return line.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function filesOf(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => NAME.test(name)).toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function prepare(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of (await filesOf(folder)).slice(0, -MONTHS_KEPT)) await rm(path.join(folder, name));
}
