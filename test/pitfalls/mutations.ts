/**
 * `npm run mutations [row …]`: takes each guard out of a copy of the project and demands that the named test fails. The
 * sources themselves are never touched. What was found goes into `docs/pitfalls.md`. Exit status 1 when a mutation
 * survives.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { projectRoot } from '../../src/kernel/paths.ts';
import { guardsOf, type Mutation, type Pitfall } from './pitfall.ts';
import { PITFALLS } from './rows.ts';

const LEFT_OUT = new Set(['node_modules', '.git', 'dist', 'data']);
/** Folders whose tests use a database, as in `vitest.config.ts`. */
const DATABASE =
  /^test\/(?:db|organisation|outbox|subscribers|sync|meetings|attendance|announcements|noticeboard|jobs|web|cli)\//;

/** A mutation shows in what a test finds, not in how slow the machine is. */
const PATIENCE_MS = 300_000;

function projectOf(file: string): string {
  if (file.endsWith('.pure.test.ts')) return 'pure';
  // All that use a database run there, some of them there alone.
  if (DATABASE.test(file) || /\.(?:database|postgres)\.test\.ts$/.test(file)) return 'postgres';
  return /^test\/(?:e2e|chaos|process)\//.test(file) ? 'system' : 'pure';
}

const wanted = new Set(process.argv.slice(2));
const rows = PITFALLS.filter(({ row }) => wanted.size === 0 || wanted.has(row));
const copy = mkdtempSync(path.join(tmpdir(), 'convenor-mutations-'));
for (const entry of readdirSync(projectRoot)) {
  if (!LEFT_OUT.has(entry))
    cpSync(path.join(projectRoot, entry), path.join(copy, entry), { recursive: true });
}
symlinkSync(path.join(projectRoot, 'node_modules'), path.join(copy, 'node_modules'));
process.once('exit', () => rmSync(copy, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

/** A pattern for the name of a test, which may have places for values. */
function patternOf(test: string): string {
  return test.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/%s|\\\$\w+/g, '.*');
}

/** How the tests of these names go in the copy: how many passed and how many failed, by row. */
function run(tests: readonly Pitfall[]): Map<string, { passed: number; failed: number }> {
  const outcomes = new Map(tests.map(({ row }) => [row, { passed: 0, failed: 0 }]));
  for (const project of new Set(tests.map(({ file }) => projectOf(file)))) {
    const here = tests.filter(({ file }) => projectOf(file) === project);
    const report = path.join(copy, 'report.json');
    rmSync(report, { force: true });
    const { stderr } = spawnSync(
      process.execPath,
      [
        'node_modules/vitest/vitest.mjs',
        [
          'run',
          '--project',
          project,
          '--maxWorkers=1',
          `--testTimeout=${PATIENCE_MS}`,
          '--reporter=json',
          `--outputFile=${report}`,
        ],
        ['-t', here.map(({ test }) => patternOf(test)).join('|')],
        [...new Set(here.map(({ file }) => file))],
      ].flat(),
      { cwd: copy, encoding: 'utf8' },
    );
    const { testResults } = readReport(report, stderr);
    for (const { row, file, test } of here) {
      const name = new RegExp(patternOf(test));
      const results = testResults.find((each) => each.name.endsWith(file));
      const outcome = outcomes.get(row)!;
      for (const { title, status } of results?.assertionResults ?? []) {
        if (!name.test(title)) continue;
        if (status === 'passed') outcome.passed += 1;
        else if (status === 'failed') outcome.failed += 1;
      }
      // A file that breaks before its tests has not let the fault pass.
      if (results?.status === 'failed' && outcome.passed === 0) outcome.failed += 1;
    }
  }
  return outcomes;
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

function readReport(file: string, stderr: string): VitestReport {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
  } catch (error) {
    throw new Error(`The tests left no report: ${stderr.slice(-2_000)}`, { cause: error });
  }
}

/** Does the work while the guards are out. */
function mutated<T>(mutation: Mutation, work: () => T): T {
  const originals = new Map<string, string>();
  for (const { file, find, replace } of guardsOf(mutation)) {
    const place = path.join(copy, file);
    const text = readFileSync(place, 'utf8');
    if (!originals.has(place)) originals.set(place, text);
    writeFileSync(
      place,
      text.replace(find, () => replace),
    );
  }
  try {
    return work();
  } finally {
    for (const [place, text] of originals) writeFileSync(place, text);
  }
}

process.stderr.write(`${rows.length} rows; first their tests with all guards in place …\n`);
const whole = run(rows);
const known = new Map<string, boolean>();
let survivors = 0;
for (const pitfall of rows) {
  const { row, mutation, file, test } = pitfall;
  const { passed, failed } = whole.get(row)!;
  if (passed === 0 || failed > 0) {
    survivors += 1;
    const why = failed > 0 ? 'fails with the guard in place' : 'did not run';
    process.stdout.write(`${row}: ${test}: ${why}\n`);
    record(row, why);
    continue;
  }
  const key = JSON.stringify([mutation, file, test]);
  const fails = known.get(key) ?? mutated(mutation, () => run([pitfall]).get(row)!.failed > 0);
  known.set(key, fails);
  if (!fails) survivors += 1;
  process.stdout.write(`${row}: ${test}: ${fails ? 'fails' : 'SURVIVES'}\n`);
  record(row, fails ? 'fails' : '**survives**');
}
process.exitCode = survivors === 0 ? 0 : 1;

/** Writes the table of all rows; what was found of the others before stands as long as it is about the same test. */
function record(row: string, outcome: string): void {
  const file = path.join(projectRoot, 'docs', 'pitfalls.md');
  const before = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const today = new Date().toISOString().slice(0, 10);
  const lines = PITFALLS.map((each) => {
    const guards = [...new Set(guardsOf(each.mutation).map((guard) => `\`${guard.file}\``))].join(', ');
    const cells = [each.row, each.about, `${each.test} (\`${each.file}\`)`, guards];
    const start = `| ${cells.join(' | ')} | `;
    const earlier = before.find((line) => line.startsWith(start)) ?? `${start}not run | – |`;
    return each.row === row ? `${start}${outcome} | ${today} |` : earlier;
  });
  const head = [
    'row',
    'what goes wrong elsewhere',
    'our test',
    'guard taken out in',
    'then the test',
    'seen',
  ];
  const text = [
    '# Known pitfalls',
    '',
    'What goes wrong in systems of this kind (M measured in the parts that we use, T time, D doubled, C crash and recovery,',
    'U consent, I calendar), and the test that holds each against us. `npm run mutations` takes each guard out of a copy of',
    'the project, demands that the named test fails then, and writes this table.',
    '',
    `| ${head.join(' | ')} |`,
    `| ${head.map(() => '---').join(' | ')} |`,
    ...lines,
    '',
  ];
  writeFileSync(file, text.join('\n'));
}
