import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ConvenorError } from '../kernel/errors.ts';
import { nearest } from '../kernel/nearest.ts';

export interface TemplateFile {
  /** Path below the templates folder without the ending, with slashes: "email/invitation/html". */
  readonly name: string;
  /** Where it was read from, for messages. */
  readonly file: string;
  readonly source: string;
}

const ENDING = '.hbs';

function templatePaths(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.split(path.sep).join('/'))
    .toSorted();
}

/**
 * All templates, each from the overrides folder when it is there.
 *
 * @throws ConvenorError `invalid_config` when a file in the overrides folder takes the place of nothing
 */
export function readTemplates(templatesFolder: string, overridesFolder: string | undefined): TemplateFile[] {
  const known = templatePaths(templatesFolder);
  const overridden = overridesFolder === undefined ? [] : templatePaths(overridesFolder);
  for (const file of overridden) {
    if (known.includes(file)) continue;
    const meant = nearest(file, known);
    throw new ConvenorError(
      'invalid_config',
      `${path.join(overridesFolder!, file)} takes the place of no template` +
        (meant === undefined
          ? `; its path must be one of those below ${templatesFolder}.`
          : `; is ${meant} meant?`),
    );
  }
  return known.map((relative) => {
    const folder = overridden.includes(relative) ? overridesFolder! : templatesFolder;
    const file = path.join(folder, relative);
    return { name: relative.slice(0, -ENDING.length), file, source: readFileSync(file, 'utf8') };
  });
}
