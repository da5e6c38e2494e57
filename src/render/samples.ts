import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { MailKind, MailModels } from './mail-models.ts';

/** An example for previews and tests: `kind` with a model, and which of the kind's cases it shows. */
export interface MailSample<Kind extends MailKind = MailKind> {
  /** "reminder.one-hour". */
  readonly name: string;
  readonly kind: Kind;
  readonly model: MailModels[Kind];
}

/** One example, by its name. */
export function mailSample(templatesFolder: string, name: string): MailSample {
  const file = path.join(templatesFolder, 'email', 'samples', `${name}.json`);
  return {
    name,
    kind: name.split('.')[0] as MailKind,
    model: JSON.parse(readFileSync(file, 'utf8')) as MailModels[MailKind],
  };
}

/** The examples in `templates/email/samples`: `<kind>.json` or `<kind>.<case>.json`, ordered by name. */
export function mailSamples(templatesFolder: string): MailSample[] {
  const folder = path.join(templatesFolder, 'email', 'samples');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => mailSample(templatesFolder, file.slice(0, -'.json'.length)));
}
