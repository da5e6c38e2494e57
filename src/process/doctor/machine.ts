import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { checkZoneData } from '../../calendar/clock-change.ts';
import { formatDateTime, formatDuration } from '../../calendar/format.ts';
import type { Finding } from '../../cli/host.ts';

const GIB = 2 ** 30;
/** Below the first the administrator should act, below the second a run of mails may not fit any more. */
const LITTLE_SPACE = 2 * GIB;
const NO_SPACE = 0.25 * GIB;

/** Whether the data folder can be written, and how much room is left on its disk. */
export async function dataFolderFinding(folder: string): Promise<Finding> {
  const check = 'Data folder';
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return {
      check,
      state: 'problem',
      detail: `${folder} cannot be written.`,
      advice: 'Give this account write access to it, or set DATA_DIR to another folder.',
    };
  }
  const { bavail, bsize } = await statfs(folder);
  return spaceFinding(folder, bavail * bsize);
}

/** @param free bytes that this account may still use. */
export function spaceFinding(folder: string, free: number): Finding {
  const left = `${(free / GIB).toFixed(1)} GiB free`;
  const finding = { check: 'Data folder', detail: `${folder}, ${left}` };
  const advice = 'Make room on this disk: a full one stops the embedded database.';
  if (free < NO_SPACE) return { ...finding, state: 'problem', advice };
  return free < LITTLE_SPACE ? { ...finding, state: 'warning', advice } : { ...finding, state: 'ok' };
}

/** Whether this machine knows when UK clocks change. */
export function zoneFinding(now: Temporal.Instant): Finding {
  const wrong = checkZoneData(now);
  return wrong === undefined
    ? { check: 'Time zones', state: 'ok', detail: 'the clock changes of this year and the next are known' }
    : { check: 'Time zones', state: 'problem', detail: 'the zone data is wrong', advice: wrong };
}

/** How far two clocks may differ before a notice goes out noticeably early or late. */
const TOLERATED_SECONDS = 5;

/**
 * Compares this machine's clock with others that it can be held against.
 *
 * @param database the database's clock at the same moment, where that is another machine's.
 * @param newestRow the newest instant that any process of ours has written.
 */
export function clockFinding(
  now: Temporal.Instant,
  { database, newestRow }: { database?: Temporal.Instant; newestRow?: Temporal.Instant },
): Finding {
  const check = 'Clock';
  const advice = 'Let a time service (systemd-timesyncd, chrony) keep the clock, then start Convenor again.';
  const ahead = newestRow === undefined ? 0 : newestRow.since(now).total('seconds');
  if (ahead > TOLERATED_SECONDS) {
    const detail = `this machine’s clock is ${inWords(ahead)} behind what was written here before`;
    return { check, state: 'problem', detail, advice };
  }
  const apart = database === undefined ? 0 : Math.abs(database.since(now).total('seconds'));
  if (apart > TOLERATED_SECONDS) {
    const detail = `this machine and the database are ${inWords(apart)} apart`;
    return { check, state: 'problem', detail, advice };
  }
  return { check, state: 'ok', detail: formatDateTime(now, 'UTC') };
}

function inWords(seconds: number): string {
  return seconds < 120 ? `${Math.round(seconds)} seconds` : formatDuration(Math.round(seconds / 60));
}
