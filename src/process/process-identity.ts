import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Enough about a process to know later, from another one, whether it still runs. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When the system started it, in the system's own units; tells a process from a later one with the same number. */
  readonly started: string | null;
  readonly host: string;
  /** Changes with each start of the machine. */
  readonly boot: string | null;
  /** Process numbers mean nothing outside their namespace (a container has one of its own). */
  readonly namespace: string | null;
}

export function ownIdentity(): ProcessIdentity {
  return {
    pid: process.pid,
    started: startOf(process.pid),
    host: hostname(),
    boot: read('/proc/sys/kernel/random/boot_id'),
    namespace: link('/proc/self/ns/pid'),
  };
}

/**
 * Whether a process still runs; `undefined` when it cannot be known from here, since it is on another machine or in
 * another container.
 */
export function isAlive(other: ProcessIdentity): boolean | undefined {
  const own = ownIdentity();
  if (other.host !== own.host) return undefined;
  if (other.boot !== own.boot) return false;
  if (other.namespace !== own.namespace) return undefined;
  try {
    process.kill(other.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const started = startOf(other.pid);
  return started === null || other.started === null || started === other.started;
}

/** Field 22 of `/proc/<pid>/stat`; `null` where there is no `/proc`, and "gone" for a process that has ended. */
function startOf(pid: number): string | null {
  const stat = read(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses and may itself hold both spaces and parentheses.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields?.[0] === 'Z') return 'gone';
  return fields?.[19] ?? null;
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return null;
  }
}

function link(file: string): string | null {
  try {
    return readlinkSync(file);
  } catch {
    return null;
  }
}
