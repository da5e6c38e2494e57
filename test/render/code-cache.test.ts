import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CodeCache } from '../../src/render/code-cache.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'convenor-cache-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Asks for all sources and keeps them; gives those that had to be translated. */
function run(sources: readonly string[], program = 'one'): { translated: string[]; changed: boolean } {
  const cache = new CodeCache({ file: path.join(folder, 'deep', 'cache.json'), program });
  const translated: string[] = [];
  for (const source of sources) {
    const code = cache.get(source, () => {
      translated.push(source);
      return source.toUpperCase();
    });
    expect(code).toBe(source.toUpperCase());
  }
  const { changed } = cache;
  cache.save();
  return { translated, changed };
}

describe('CodeCache', () => {
  it('translates each source once over several starts', () => {
    expect(run(['a', 'b'])).toEqual({ translated: ['a', 'b'], changed: true });
    expect(run(['a', 'b'])).toEqual({ translated: [], changed: false });
  });

  it('notices a source that is new, different or gone', () => {
    run(['a', 'b']);
    expect(run(['a', 'c'])).toEqual({ translated: ['c'], changed: true });
    expect(run(['a'])).toEqual({ translated: [], changed: true });
    expect(run(['a'])).toEqual({ translated: [], changed: false });
  });

  it('takes nothing from another program or from a broken file', () => {
    run(['a']);
    expect(run(['a'], 'two').translated).toEqual(['a']);
    writeFileSync(path.join(folder, 'deep', 'cache.json'), '{"program":"two","code":');
    expect(run(['a'], 'two').translated).toEqual(['a']);
  });

  it('works where nothing can be kept', () => {
    writeFileSync(path.join(folder, 'deep'), 'a file where the folder would be');
    expect(run(['a']).changed).toBe(true);
    expect(new CodeCache(undefined).get('a', () => 'A')).toBe('A');
  });
});
