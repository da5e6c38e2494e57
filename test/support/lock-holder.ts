/** Takes the lock of the data folder in its first argument, says "held" or "refused", and stays. */
import 'temporal-polyfill/global';
import { systemClock } from '../../src/kernel/clock.ts';
import { lockFolder } from '../../src/process/folder-lock.ts';

try {
  await lockFolder(process.argv[2] ?? '', { clock: systemClock });
  process.stdout.write('held\n');
} catch (error) {
  process.stdout.write(`refused: ${(error as Error).message}\n`);
}
setInterval(() => undefined, 60_000);
