/** `npm start`: does what is missing, then runs the server in this terminal. Arguments go to `convenor serve`. */
import { build, installPackages, requireNode, runProgram } from './lib/prepare.mjs';

requireNode();
installPackages();
await build();
await runProgram(['serve', ...process.argv.slice(2)]);
