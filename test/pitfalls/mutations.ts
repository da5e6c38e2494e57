/**
 * `npm run mutations [row …]`: takes each guard out of a copy of the project and demands that the named test fails. The
 * sources themselves are never touched. Prints a table in Markdown; exit status 1 when a mutation survives.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { projectRoot } from '../../src/kernel/paths.ts';
import { PITFALLS, type Mutation, type Pitfall } from './rows.ts';

const LEFT_OUT = new Set(['node_modules', '.git', 'dist', 'data']);

const wanted = new Set(process.argv.slice(2));
const copy = mkdtempSync(path.join(tmpdir(), 'convenor-mutations-'));
for (const entry of readdirSync(projectRoot)) {
  if (!LEFT_OUT.has(entry))
    cpSync(path.join(projectRoot, entry), path.join(copy, entry), { recursive: true });
}
symlinkSync(path.join(projectRoot, 'node_modules'), path.join(copy, 'node_modules'));

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Whether the named test passes in the copy. */
function passes({ file, test }: Pitfall): boolean {
  const project = /test\/(announcements|jobs|subscribers|noticeboard|web|sync)\/|database\.test/.test(file)
    ? 'embedded'
    : 'pure';
  const { status, stdout } = spawnSync(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      ['run', '--project', project, '--maxWorkers=1', '--reporter=dot', file],
      ['-t', escaped(test)],
    ].flat(),
    { cwd: copy, encoding: 'utf8' },
  );
  if (status === 0 && !/ 1 passed|[1-9]\d* passed/.test(stdout))
    throw new Error(`${file} ran no test "${test}"`);
  return status === 0;
}

function mutated<T>({ file, find, replace }: Mutation, work: () => T): T {
  const place = path.join(copy, file);
  const original = readFileSync(place, 'utf8');
  writeFileSync(
    place,
    original.replace(find, () => replace),
  );
  try {
    return work();
  } finally {
    writeFileSync(place, original);
  }
}

const known = new Map<string, boolean>();
let survived = 0;
process.stdout.write('| row | without its guard in | test | result |\n| --- | --- | --- | --- |\n');
try {
  for (const pitfall of PITFALLS) {
    const { row, mutation, test } = pitfall;
    if (mutation === undefined || (wanted.size > 0 && !wanted.has(row))) continue;
    const key = JSON.stringify([mutation, test]);
    if (!known.has(key) && !passes(pitfall))
      throw new Error(`${row}: the test fails with the guard in place`);
    const lives = known.get(key) ?? mutated(mutation, () => passes(pitfall));
    known.set(key, lives);
    if (lives) survived += 1;
    process.stdout.write(`| ${row} | ${mutation.file} | ${test} | ${lives ? 'SURVIVED' : 'fails'} |\n`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.exitCode = survived === 0 ? 0 : 1;
