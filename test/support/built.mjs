import { build } from '../../scripts/lib/prepare.mjs';

/** Tests that run the program in a process of its own run what is built, as its users do. */
export default build;
