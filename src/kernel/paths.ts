import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

function findProjectRoot(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json'))) {
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error('package.json was not found above the program files');
    folder = parent;
  }
  return folder;
}

/** The folder that holds package.json: the same for the sources and for the build in `dist/`. */
export const projectRoot = findProjectRoot();

/** Files that are read at run time and are not compiled. */
export const templatesFolder = path.join(projectRoot, 'templates');
export const migrationsFolder = path.join(projectRoot, 'src', 'db', 'migrations');
export const assetsFolder = path.join(projectRoot, 'src', 'web', 'assets');
