import { ConvenorError } from '../kernel/errors.ts';

/** A job id is `name.key.attempt`. The queue's own rules: no `:` in it, and not digits alone. */
const KEY = /^[\w-]{1,200}$/;

/** `name.key`: the work itself, whatever the attempt. */
export function jobKey(name: string, key: string): string {
  if (!KEY.test(key)) {
    throw new ConvenorError(
      'internal',
      `The key of a ${name} job holds other than letters, digits, "-" and "_": ${key}`,
    );
  }
  return `${name}.${key}`;
}

/** The attempt number in the id makes a failed job no obstacle to the next attempt. */
export function jobId(name: string, key: string, attempt: number): string {
  return `${jobKey(name, key)}.${attempt}`;
}

/** The parts of an id that `jobId` made. */
export function parseJobId(id: string): { jobKey: string; attempt: number } {
  const end = id.lastIndexOf('.');
  return { jobKey: id.slice(0, end), attempt: Number(id.slice(end + 1)) };
}
