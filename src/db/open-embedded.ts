import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { drizzle } from 'drizzle-orm/pglite';
import * as schema from './schema.ts';
import type { OpenDatabase } from './tx.ts';

/** The embedded database in `<dataFolder>/database`, or in memory without a folder. */
export async function openEmbedded(location: {
  dataFolder: string | undefined;
  copy?: Uint8Array;
}): Promise<OpenDatabase> {
  const folder = location.dataFolder === undefined ? undefined : path.join(location.dataFolder, 'database');
  if (folder !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const client = new PGlite({
    ...(folder === undefined ? {} : { dataDir: folder }),
    ...(location.copy === undefined ? {} : { loadDataDir: new Blob([location.copy]) }),
  });
  await client.waitReady;
  await client.exec(`set timezone = 'UTC'`);
  return {
    db: drizzle(client, { schema }),
    kind: 'embedded',
    dump: async () => new Uint8Array(await (await client.dumpDataDir('gzip')).arrayBuffer()),
    close: () => client.close(),
  };
}
