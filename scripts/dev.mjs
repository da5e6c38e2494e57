/** `npm run dev`: the server, started again whenever a source or a template changes. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { installPackages, requireNode, root } from './lib/prepare.mjs';

requireNode();
installPackages();
const child = spawn(
  process.execPath,
  [
    path.join(root, 'node_modules/tsx/dist/cli.mjs'),
    'watch',
    '--clear-screen=false',
    '--include=templates/**/*',
    path.join(root, 'src/process/main.ts'),
    'serve',
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.once('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 0)));
