import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { z } from 'zod';
import { ConvenorError, type FieldProblem } from '../kernel/errors.ts';
import { editDistance } from '../kernel/nearest.ts';
import { OPTIONS, type OptionName } from './options.ts';

type Values = { readonly [K in OptionName]: z.output<(typeof OPTIONS)[K]['schema']> };

/** The checked options of the environment, frozen. `DATA_DIR` is absolute and `BASE_URL` always set. */
export type Config = Omit<Values, 'BASE_URL'> & { readonly BASE_URL: string };

const names = Object.keys(OPTIONS) as OptionName[];

/**
 * Reads and checks the environment.
 *
 * @throws ConvenorError `invalid_config` that names each wrong key, what is wrong with its value and an
 *   example; the value itself is never repeated, it may be a secret.
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const problems: FieldProblem[] = [];
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const { schema, example } = OPTIONS[name];
    try {
      const result = schema.safeParse(readRaw(environment, name));
      if (result.success) values[name] = result.data;
      else
        problems.push({ field: name, message: `${result.error.issues[0]!.message} (example: ${example})` });
    } catch (error) {
      problems.push({ field: `${name}_FILE`, message: (error as Error).message });
    }
  }
  problems.push(...misspelled(environment), ...contradictions(values));
  if (problems.length > 0) {
    throw new ConvenorError(
      'invalid_config',
      [
        'Convenor cannot start with these settings:',
        ...problems.map((p) => `  ${p.field} ${p.message}`),
      ].join('\n'),
      { problems },
    );
  }
  values['DATA_DIR'] = path.resolve(values['DATA_DIR'] as string);
  values['BASE_URL'] ??= `http://localhost:${String(values['PORT'])}`;
  return Object.freeze(values) as Config;
}

function readRaw(
  environment: Readonly<Record<string, string | undefined>>,
  name: OptionName,
): string | undefined {
  const file = environment[`${name}_FILE`];
  if (file === undefined || file === '') {
    const value = environment[name];
    return value === '' ? undefined : value;
  }
  if (environment[name]) throw new Error(`is given together with ${name}; keep one of the two`);
  try {
    return readFileSync(file, 'utf8').trimEnd();
  } catch {
    throw new Error(`names a file that cannot be read (example: /run/secrets/${name.toLowerCase()})`);
  }
}

/** A key that is one or two letters away from one of ours is a slip, not somebody else's variable. */
function misspelled(environment: Readonly<Record<string, string | undefined>>): FieldProblem[] {
  const known = new Set<string>(names.flatMap((name) => [name, `${name}_FILE`]));
  return Object.keys(environment).flatMap((key) => {
    if (known.has(key) || key.length < 7) return [];
    const near = names.find((name) => name.length >= 7 && editDistance(key, name) <= 2);
    return near && environment[near] === undefined
      ? [{ field: key, message: `is not a setting of Convenor; did you mean ${near}?` }]
      : [];
  });
}

function contradictions(values: Record<string, unknown>): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (values['SMTP_URL'] !== undefined && values['MAIL_FROM'] === undefined) {
    problems.push({
      field: 'MAIL_FROM',
      message: `must be set when SMTP_URL is (example: ${OPTIONS.MAIL_FROM.example})`,
    });
  }
  if (values['DKIM_ED25519_SELECTOR'] !== undefined && values['DKIM_PRIVATE_KEY'] === undefined) {
    problems.push({
      field: 'DKIM_PRIVATE_KEY',
      message: 'must be set when DKIM_ED25519_SELECTOR is: large receivers verify RSA signatures only',
    });
  }
  for (const group of [
    ['DKIM_ED25519_SELECTOR', 'DKIM_ED25519_PRIVATE_KEY'],
    ['DKIM_DOMAIN', 'DKIM_SELECTOR', 'DKIM_PRIVATE_KEY'],
    ['ZOOM_ACCOUNT_ID', 'ZOOM_CLIENT_ID', 'ZOOM_CLIENT_SECRET'],
  ] as const) {
    const missing = group.filter((name) => values[name] === undefined);
    if (missing.length > 0 && missing.length < group.length) {
      const first = missing[0]!;
      problems.push({
        field: first,
        message: `must be set together with ${group.filter((name) => name !== first).join(' and ')} (example: ${OPTIONS[first].example})`,
      });
    }
  }
  return problems;
}
