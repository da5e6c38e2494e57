import { readFileSync } from 'node:fs';

/** Memory and processor time that the kernel counts for a process. */
export interface Usage {
  /** The most memory that it ever had, in bytes. */
  readonly peakBytes: number;
  readonly residentBytes: number;
  /** User and system time so far, in seconds. */
  readonly cpuSeconds: number;
}

const TICKS_PER_SECOND = 100;

/** What a living process has used; of a dead one all zeros. Linux only. */
export function usageOf(pid: number): Usage {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [user = 0, system = 0] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return {
      peakBytes: kibibytes('VmHWM') * 1024,
      residentBytes: kibibytes('VmRSS') * 1024,
      cpuSeconds: (user + system) / TICKS_PER_SECOND,
    };
  } catch {
    return { peakBytes: 0, residentBytes: 0, cpuSeconds: 0 };
  }
}

/** The process and all that it started, as far as they live. */
export function familyOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return [pid, ...children.split(' ').filter(Boolean).map(Number).flatMap(familyOf)];
  } catch {
    return [];
  }
}
