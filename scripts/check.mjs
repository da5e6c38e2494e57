/** `npm run check`: everything that can be said about the sources without running them. Shows all faults at once. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { installPackages, requireNode, root } from './lib/prepare.mjs';

requireNode();
installPackages();

const bin = (name) => path.join(root, 'node_modules', '.bin', name);
const CHECKS = [
  ['format', bin('prettier'), ['--check', '.', '--log-level', 'warn']],
  ['lint', bin('oxlint'), ['--type-aware', '--deny-warnings', '.']],
  ['types', bin('tsc'), ['--noEmit']],
  ['unused code', bin('knip'), []],
  ['import rule', bin('vitest'), ['run', '--project', 'pure', 'test/architecture.test.ts', '--reporter=dot']],
  ['generated documents', bin('tsx'), ['scripts/generate-docs.ts', '--check']],
];

/** Runs one check and shows what it said when it is over. */
async function passes([name, program, args]) {
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (said += text));
  }
  const status = await new Promise((resolve) => {
    child.once('error', (error) => {
      said += `${error.message}\n`;
      resolve(1);
    });
    child.once('close', resolve);
  });
  process.stdout.write(`${name}: ${status === 0 ? 'passed' : 'FAILED'}\n${said}`);
  return status === 0;
}

const failed = [];
const waiting = CHECKS.values();
await Promise.all(
  Array.from({ length: Math.min(availableParallelism(), CHECKS.length) }, async () => {
    for (const check of waiting) if (!(await passes(check))) failed.push(check[0]);
  }),
);
process.stdout.write(failed.length === 0 ? 'All checks passed.\n' : `Failed: ${failed.join(', ')}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
