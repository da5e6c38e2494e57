import { createHash } from 'node:crypto';

/** Something that a check found: an error must be put right, a warning may be confirmed by a person. */
export interface Finding {
  readonly level: 'error' | 'warning';
  /** Names the check: `links`, `names`, `size`. */
  readonly check: string;
  /** Line of the text that was checked, counted from 1; left out when it is about the whole. */
  readonly line?: number | undefined;
  /** A sentence: what is wrong and what to do. */
  readonly message: string;
}

/** Names a finding, so that confirming it does not confirm another: the same finding has the same key. */
export function findingKey({ check, line, message }: Finding): string {
  return createHash('sha256')
    .update(JSON.stringify([check, line ?? null, message]))
    .digest('hex')
    .slice(0, 16);
}
