import 'temporal-polyfill/global';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { TestProject } from 'vitest/node';
import { knownMigrations } from '../../src/db/migrate.ts';
import { openDatabase } from '../../src/db/open.ts';
import { projectRoot } from '../../src/kernel/paths.ts';
import type {} from './database.ts';

/**
 * Making a new embedded database takes seconds, reading a copy of one far less. The suite makes one migrated
 * database, keeps it beside the packages, and makes another when a migration or the engine changes.
 */
export default async function setup(project: TestProject): Promise<void> {
  project.provide('embeddedCopy', await migratedCopy());
}

async function migratedCopy(): Promise<string> {
  const folder = path.join(projectRoot, 'node_modules', '.cache', 'convenor');
  const engine = readFileSync(path.join(projectRoot, 'node_modules/@electric-sql/pglite/package.json'));
  const hash = createHash('sha256')
    .update(engine)
    .update(JSON.stringify(knownMigrations()))
    .digest('hex')
    .slice(0, 16);
  const file = path.join(folder, `embedded-${hash}.tar`);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  const database = await openDatabase({ dataFolder: undefined });
  const copy = await database.dump?.();
  await database.close();
  if (!copy) throw new Error('The embedded database gave no copy of itself.');
  // Another run may have made the same copy meanwhile.
  const old = readdirSync(folder).filter(
    (name) => name.startsWith('embedded-') && !name.startsWith(path.basename(file)),
  );
  writeFileSync(`${file}.${process.pid}`, gunzipSync(copy));
  renameSync(`${file}.${process.pid}`, file);
  for (const name of old) rmSync(path.join(folder, name), { force: true });
  return file;
}
