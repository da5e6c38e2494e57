/** The browser that the tests and the screenshots drive. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The path of a Chromium, from `CHROMIUM` or from PATH; `undefined` when there is none. */
export function findBrowser() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/bin'];
  for (const name of NAMES) {
    for (const folder of folders) {
      const file = path.join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // The next one.
      }
    }
  }
  return undefined;
}

/** Installs Chromium where that can be done without a question (Debian and Ubuntu, as root); else says what to do. */
export function requireBrowser() {
  if (findBrowser() === undefined && process.platform === 'linux' && process.getuid?.() === 0) {
    process.stderr.write('Installing Chromium for the browser tests …\n');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const run = (args) => spawnSync('apt-get', args, { stdio: ['ignore', 2, 2], env }).status === 0;
    const install = ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'];
    if (!run(install)) {
      run(['update']);
      run(install);
    }
  }
  const found = findBrowser();
  if (found === undefined) {
    process.stderr.write(
      'The browser tests need Chromium. Install it (Debian: apt-get install chromium), or set CHROMIUM to its path.\n',
    );
    process.exit(1);
  }
  process.env.CHROMIUM = found;
}
