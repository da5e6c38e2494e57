/** `npm run check`: everything that can be said about the sources without running them. Shows all faults at once. */
import { spawnSync } from 'node:child_process';
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

const failed = [];
for (const [name, program, args] of CHECKS) {
  process.stdout.write(`${name} …\n`);
  if (spawnSync(program, args, { cwd: root, stdio: 'inherit' }).status !== 0) failed.push(name);
}
process.stdout.write(failed.length === 0 ? 'All checks passed.\n' : `Failed: ${failed.join(', ')}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
