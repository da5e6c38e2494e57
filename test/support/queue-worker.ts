/** A worker process for tests: `queue-worker.ts <redis url> <database url> <holder>`. Writes "working" and works. */
import 'temporal-polyfill/global';
import { parseRedisUrl } from '../../src/config/redis-url.ts';
import { openDatabase } from '../../src/db/open.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { createLog } from '../../src/kernel/log.ts';
import { openQueue } from '../../src/queue/queue.ts';
import { tableJob } from './work-table.ts';

const [redisUrl = '', databaseUrl = '', holder = ''] = process.argv.slice(2);
const location = parseRedisUrl(redisUrl);
if (!location) throw new Error(`Not an address of a Redis: ${redisUrl}`);
const { db } = await openDatabase({ url: databaseUrl });
const log = createLog('warn');
const queue = openQueue(location, ['table-work'], log);
queue.work([tableJob(holder, { concurrency: 8 })], { db, clock: systemClock, log }, holder);
process.stdout.write('working\n');
