/**
 * What must be done before the program can run from a clone: packages and the build. Plain JavaScript without
 * packages, since there may be none yet. Quick when there is nothing to do.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Ends the process with one message when this Node is too old. */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  process.stderr.write(
    `Convenor needs Node.js 20.19 or newer; this is ${process.versions.node}. Install one from https://nodejs.org.\n`,
  );
  process.exit(1);
}

/** Installs the packages when there are none, or when the lockfile has changed since. */
export function installPackages() {
  const lockfile = path.join(root, 'package-lock.json');
  const hash = createHash('sha256').update(readFileSync(lockfile)).digest('hex');
  const stamp = path.join(root, 'node_modules', '.cache', 'convenor', 'installed');
  if (read(stamp) === hash) return;
  const installed = path.join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lockfile).mtimeMs) {
    say('Installing packages …');
    // Output goes to standard error: standard output belongs to the command that was asked for.
    const { status } = spawnSync('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    });
    if (status !== 0) fail('The packages could not be installed (npm ci, above). Is the network reachable?');
  }
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
}

/**
 * Bundles the program into `dist/` when its sources have changed since the last time: a few files load several times
 * faster than some two thousand. Types are not looked at; that is what `npm run check` is for.
 */
export async function build() {
  const state = sourceState();
  const stamp = path.join(root, 'dist', '.built');
  if (read(stamp) === state) return;
  say('Building …');
  const { build: bundle } = await import('esbuild');
  try {
    await bundle({
      absWorkingDir: root,
      entryPoints: ['src/process/main.ts'],
      outdir: 'dist',
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      external: KEPT_APART,
      // Packages that are CommonJS call `require` for what Node itself has.
      banner: {
        js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
      },
      logLevel: 'warning',
    });
  } catch {
    fail('The sources could not be bundled (above).');
  }
  writeFileSync(stamp, state);
}

/** Packages that find files of their own beside their code: WebAssembly, a native module, fonts, pages. */
const KEPT_APART = [
  '@bull-board/*',
  '@css-inline/css-inline',
  '@electric-sql/pglite',
  'msgpackr-extract',
  'pdfkit',
  'pg-native',
];

/** Changes when a source is added, removed or edited. */
function sourceState() {
  const hash = createHash('sha256');
  const visit = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) visit(file);
      else if (entry.name.endsWith('.ts')) note(file);
    }
  };
  const note = (file) => {
    const { mtimeMs, size } = statSync(file);
    hash.update(`${path.relative(root, file)} ${mtimeMs} ${size}\n`);
  };
  for (const folder of ['src', 'jobs']) visit(path.join(root, folder));
  for (const file of ['tsconfig.json', 'package-lock.json', 'scripts/lib/prepare.mjs'])
    note(path.join(root, file));
  return hash.digest('hex');
}

/** Runs the built program in this process, as if `args` had been typed after `convenor`. */
export async function runProgram(args) {
  const program = path.join(root, 'dist', 'main.js');
  process.argv = [process.argv[0], program, ...args];
  await import(program);
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
