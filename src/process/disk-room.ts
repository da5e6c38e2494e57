import { mkdir, statfs } from 'node:fs/promises';
import { ConvenorError } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';

const MIB = 2 ** 20;

/**
 * The embedded database stands still for good, and the whole process with it, when its write-ahead log (in files of
 * 16 MiB) finds no room. So the program ends in good order while there is still room for several of them.
 */
const LEAST_ROOM = 128 * MIB;

/** Nothing that Convenor does writes as much as the least room in this time. */
const LOOK_EVERY_MS = 2_000;

/**
 * Makes the folder where there is none yet.
 *
 * @throws ConvenorError `unavailable` when the disk has too little room left for the embedded database.
 */
export async function assertRoom(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const shortage = await shortageIn(folder);
  if (shortage) throw shortage;
}

/** Looks again and again, and tells once when the room runs out. */
export function watchRoom(
  folder: string,
  log: Log,
  onShortage: (shortage: ConvenorError) => void,
): { stop(): void } {
  const look = async () => {
    try {
      const shortage = await shortageIn(folder);
      if (shortage === undefined) return;
      clearInterval(timer);
      onShortage(shortage);
    } catch (err) {
      log.warn({ err }, 'the room left on the disk of the data folder cannot be read');
    }
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

async function shortageIn(folder: string): Promise<ConvenorError | undefined> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= LEAST_ROOM) return undefined;
  return new ConvenorError(
    'unavailable',
    `The disk of ${folder} is nearly full: ${Math.floor(free / MIB)} MiB are left, and the embedded database needs ` +
      `${LEAST_ROOM / MIB}. Make room there, or set DATA_DIR to a folder on another disk, then start Convenor again. Nothing is lost.`,
  );
}
