/**
 * Writes the documents that follow from the table of options: `.env.example` and `docs/configuration.md`. With
 * `--check` it writes nothing and fails when they are not what it would write.
 */
import 'temporal-polyfill/global';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { OPTIONS } from '../src/config/options.ts';
import { projectRoot } from '../src/kernel/paths.ts';
import { describeSettings } from '../src/organisation/settings.ts';

interface Described {
  readonly help: string;
  readonly example: string;
  readonly fallback?: string;
  readonly secret?: true;
}

const options = Object.entries(OPTIONS as Readonly<Record<string, Described>>);

function environmentExample(): string {
  const entries = options.map(([name, { help, example, fallback }]) =>
    [
      ...wrapped(help, 108),
      ...(fallback ? [`# Default: ${fallback}`] : []),
      `#${name}=${quoted(example)}`,
    ].join('\n'),
  );
  return [
    '# Copy to .env and uncomment what you need. Every option may also be given as NAME_FILE, the path of a file',
    '# that holds the value.',
    '',
    entries.join('\n\n'),
    '',
  ].join('\n');
}

function configuration(): string {
  const row = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [
    '# Configuration',
    '',
    'This page is generated (`npx tsx scripts/generate-docs.ts`).',
    '',
    '## Environment',
    '',
    'Read once, at the start. A wrong value stops the start with a message that names the option. Each option may also',
    'be given as `NAME_FILE`, the path of a file that holds the value. Secrets are never logged or shown.',
    '',
    '| option | default | meaning | example |',
    '| --- | --- | --- | --- |',
    ...options.map(([name, { help, example, fallback, secret }]) =>
      row([`\`${name}\``, fallback ?? '–', `${help}${secret ? ' Secret.' : ''}`, `\`${example}\``]),
    ),
    '',
    '## Settings of the organisation',
    '',
    'Kept in the database. Change them on the settings page or with `convenor settings set KEY VALUE`.',
    '',
    '| setting | default | meaning | example |',
    '| --- | --- | --- | --- |',
    ...describeSettings().map(({ key, fallback, help, example }) =>
      row([`\`${key}\``, fallback === '' ? '–' : fallback, help, example === '' ? '–' : `\`${example}\``]),
    ),
    '',
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function quoted(example: string): string {
  return /[\s<>#…]/.test(example) ? `"${example}"` : example;
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > width) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

const DOCUMENTS = { '.env.example': environmentExample, 'docs/configuration.md': configuration };

for (const [name, make] of Object.entries(DOCUMENTS)) {
  const file = path.join(projectRoot, name);
  if (!process.argv.includes('--check')) writeFileSync(file, make());
  else if (read(file) !== make()) {
    process.stderr.write(`${name} is out of date: run npx tsx scripts/generate-docs.ts\n`);
    process.exitCode = 1;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
