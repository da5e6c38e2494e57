/** `npm run chaos`: builds the program and runs it under fire; see `test/chaos/main.ts` for the options. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { build, installPackages, requireNode, root } from './lib/prepare.mjs';

requireNode();
installPackages();
await build();

const child = spawn(
  process.execPath,
  ['--import', 'tsx', path.join(root, 'test/chaos/main.ts'), ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('close', (code) => (process.exitCode = code ?? 1));
