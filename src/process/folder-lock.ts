import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError } from '../kernel/errors.ts';
import { isAlive, ownIdentity } from './process-identity.ts';

export interface FolderLock {
  release(): void;
}

const claimSchema = z.object({
  pid: z.number(),
  started: z.string().nullable(),
  host: z.string(),
  boot: z.string().nullable(),
  namespace: z.string().nullable(),
  /** When the process took the folder, for the person who reads the refusal. */
  since: z.string(),
  held: z.boolean(),
});
type Claim = z.output<typeof claimSchema>;

/** A holder shows that it lives by touching its claim this often; one that is silent for longer than the second is gone. */
const SIGN_OF_LIFE_MS = 5_000;
const SILENCE_MS = 30_000;

const ROUNDS = 200;

/**
 * Takes the data folder for this process alone. The embedded database does not notice a second process on its files.
 *
 * There is no lock that the system drops for us, so the lock is a folder of claims, one file per process under a name
 * that is never used twice. Whoever wants the lock first adds a claim and then looks at the others: of two
 * processes, at least one sees the other. A claim whose process is gone counts for nothing and is removed. A live
 * holder makes us give up; another one that is only claiming makes both step back and try again.
 *
 * @throws ConvenorError `data_folder_locked` with the holder's process id and start time.
 */
export async function lockFolder(dataFolder: string, { clock }: { clock: Clock }): Promise<FolderLock> {
  const folder = path.join(dataFolder, 'lock');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const name = `${process.pid}-${randomBytes(6).toString('hex')}`;
  const file = path.join(folder, name);
  const claim: Claim = { ...ownIdentity(), since: clock.now().round('second').toString(), held: false };
  for (let round = 0; round < ROUNDS; round++) {
    place(file, claim);
    const others = liveClaims(folder, name);
    if (others.length === 0) {
      place(file, { ...claim, held: true });
      return holding(file);
    }
    rmSync(file, { force: true });
    const holder = others.find(({ held }) => held);
    if (holder) throw refusal(dataFolder, holder);
    await pause(5 + Math.random() * 50);
  }
  throw new ConvenorError(
    'data_folder_locked',
    `Several processes want the data folder ${dataFolder}. Try again.`,
  );
}

function holding(file: string): FolderLock {
  const timer = setInterval(() => {
    try {
      const now = Date.now() / 1_000;
      utimesSync(file, now, now);
    } catch {
      // The folder is gone or read-only; whoever works in it will say so.
    }
  }, SIGN_OF_LIFE_MS);
  timer.unref();
  return {
    release: () => {
      clearInterval(timer);
      rmSync(file, { force: true });
    },
  };
}

/** Writes a claim in one step: it is never seen half-written, and never missing while it is replaced. */
function place(file: string, claim: Claim): void {
  const draft = path.join(path.dirname(file), `.${path.basename(file)}`);
  writeFileSync(draft, `${JSON.stringify(claim)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

function liveClaims(folder: string, own: string): Claim[] {
  const claims: Claim[] = [];
  for (const name of readdirSync(folder)) {
    if (name === own || name.startsWith('.')) continue;
    const file = path.join(folder, name);
    try {
      const claim = claimSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
      const alive = isAlive(claim) ?? Date.now() - statSync(file).mtimeMs < SILENCE_MS;
      if (alive) claims.push(claim);
      else rmSync(file, { force: true });
    } catch (error) {
      // Withdrawn between the listing and the look.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return claims;
}

function refusal(dataFolder: string, holder: Claim): ConvenorError {
  const where = holder.host === ownIdentity().host ? '' : ` on ${holder.host}`;
  return new ConvenorError(
    'data_folder_locked',
    `The data folder ${dataFolder} is in use by process ${holder.pid}${where}, started ${holder.since}. ` +
      'One process at a time can use it: stop that one, or choose another DATA_DIR. ' +
      'To run several, set DATABASE_URL and REDIS_URL.',
  );
}
