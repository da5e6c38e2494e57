/**
 * Loaded before the program (`node --import`): every disk has so many MiB left as the file DISK_ROOM_FILE says, which may
 * change at any moment.
 */
import { readFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

promises.statfs = async () => ({
  bavail: Number(readFileSync(process.env.DISK_ROOM_FILE, 'utf8')),
  bsize: 2 ** 20,
});
syncBuiltinESMExports();
