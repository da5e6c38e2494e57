import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../../src/kernel/paths.ts';
import { guardsOf } from './pitfall.ts';
import { PITFALLS } from './rows.ts';

const read = (file: string) => readFileSync(path.join(projectRoot, file), 'utf8');

it('are each held off by a test of that name, whose guard stands where the mutation takes it out', () => {
  for (const { row, file, test, mutation } of PITFALLS) {
    const quoted = ["'", '"', '`'].some((quote) => read(file).includes(`${quote}${test}${quote}`));
    expect(quoted, `${row}: ${file} has no test "${test}"`).toBe(true);
    for (const { file: source, find } of guardsOf(mutation)) {
      const places = read(source).split(find).length - 1;
      expect(places, `${row}: ${source} holds the guard`).toBe(1);
    }
  }
  expect(new Set(PITFALLS.map(({ row }) => row)).size).toBe(PITFALLS.length);
});
