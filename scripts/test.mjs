/**
 * `npm test`: gets what the tests need (packages, a browser), runs them all, and ends with one line that counts
 * them. Arguments go to vitest: `npm test -- --project pure`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { build, installPackages, requireNode, root } from './lib/prepare.mjs';
import { requireBrowser } from './lib/browser.mjs';

/** One more than processors: tests of whole programs wait for much of their time. */
const workers = String(Math.min(availableParallelism(), 4) + 1);

requireNode();
installPackages();
requireBrowser();
await build();

const report = path.join(root, 'node_modules', '.cache', 'convenor', 'test-report.json');
mkdirSync(path.dirname(report), { recursive: true });
rmSync(report, { force: true });

// What one project translates, the others of this run read from here; no later run does.
rmSync(path.join(root, 'node_modules', '.experimental-vitest-cache'), { recursive: true, force: true });

// A large nursery: what a test makes is soon garbage, and collecting it took a sixth of the processors' time.
const memory = '--max-old-space-size=4096 --max-semi-space-size=64';
const child = spawn(
  process.execPath,
  [
    path.join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    ...(process.argv.some((argument) => argument.startsWith('--maxWorkers'))
      ? []
      : [`--maxWorkers=${workers}`]),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    '--experimental.fsModuleCache',
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, NODE_OPTIONS: memory } },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
const status = await new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));

if (!existsSync(report)) {
  process.stdout.write('The tests did not come to an end.\n0 passed, 1 failed\n');
  process.exit(1);
}
const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
  readFileSync(report, 'utf8'),
);
// A file that breaks before its first test has no failed test of its own.
const brokenFiles = testResults.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
).length;
const failed = numFailedTests + brokenFiles;
const skipped = numPendingTests + numTodoTests;
const line = `${numPassedTests} passed, ${failed || (status === 0 ? 0 : 1)} failed`;
process.stdout.write(`${line}${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
process.exitCode = status === 0 && failed === 0 && numPassedTests > 0 ? 0 : 1;
