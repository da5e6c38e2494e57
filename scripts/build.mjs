/** `npm run build`: the program as it is run, in `dist/`. */
import { build, installPackages, requireNode } from './lib/prepare.mjs';

requireNode();
installPackages();
await build();
