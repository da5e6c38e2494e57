#!/usr/bin/env node
/** The command line, from a clone or installed. */
import { build, installPackages, requireNode, runProgram } from './lib/prepare.mjs';

requireNode();
installPackages();
await build();
await runProgram(process.argv.slice(2));
