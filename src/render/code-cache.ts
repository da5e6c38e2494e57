import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

const fileSchema = z.object({ program: z.string(), code: z.record(z.string(), z.string()) });

export interface CachePlace {
  /** Anybody who can write this file runs code in our process. */
  readonly file: string;
  /** Changes whenever the program does. */
  readonly program: string;
}

/** What templates were translated to, by what they were translated from, kept in a file between two starts. */
export class CodeCache {
  readonly #place: CachePlace | undefined;
  readonly #before: ReadonlyMap<string, string>;
  readonly #used = new Map<string, string>();
  #added = false;

  /**
   * @param place where it is kept, and by which program; without it nothing is kept. What another program kept, and a
   *   file that cannot be read, count as nothing.
   */
  constructor(place: CachePlace | undefined) {
    this.#place = place;
    this.#before = place === undefined ? new Map() : read(place);
  }

  /** The code that `translate` gave for `source` before, or gives now. */
  get(source: string, translate: () => string): string {
    const key = createHash('sha256').update(source).digest('base64url');
    const known = this.#before.get(key);
    if (known === undefined) this.#added = true;
    const code = known ?? translate();
    this.#used.set(key, code);
    return code;
  }

  /** Whether anything differs from the last time, a template that went included. */
  get changed(): boolean {
    return this.#added || this.#used.size !== this.#before.size;
  }

  /** Keeps what was used, if that differs from what is kept. A folder that cannot be written costs time only. */
  save(): void {
    if (this.#place === undefined || !this.changed) return;
    const { file, program } = this.#place;
    try {
      mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      const draft = `${file}.${process.pid}`;
      writeFileSync(draft, JSON.stringify({ program, code: Object.fromEntries(this.#used) }), {
        mode: 0o600,
      });
      renameSync(draft, file);
    } catch {
      // The next start compiles again.
    }
  }
}

function read({ file, program }: CachePlace): ReadonlyMap<string, string> {
  try {
    const kept = fileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    return kept.program === program ? new Map(Object.entries(kept.code)) : new Map();
  } catch {
    return new Map();
  }
}
