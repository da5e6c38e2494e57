/** Runs the private Redis of the data folder in its first argument, says "running", and stays. */
import 'temporal-polyfill/global';
import { createLog } from '../../src/kernel/log.ts';
import { startPrivateRedis } from '../../src/queue/private-redis.ts';

const [dataFolder = '', program = ''] = process.argv.slice(2);
await startPrivateRedis({ dataFolder, program: () => Promise.resolve(program), log: createLog('warn') });
process.stdout.write('running\n');
setInterval(() => undefined, 60_000);
