import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../src/kernel/paths.ts';

/**
 * Which folder may import from which. A folder may always import from itself. What stands under `types` may be
 * imported as types only: the words of a contract, not the thing itself.
 */
const DOMAIN = [
  'organisation',
  'subscribers',
  'meetings',
  'noticeboard',
  'announcements',
  'attendance',
  'rooms',
  'sync',
];
const BASE = ['kernel', 'config', 'calendar'];
const EDGES = ['mail', 'mailerlite', 'zoom'];

interface Permission {
  readonly values: readonly string[];
  readonly types?: readonly string[];
}

const RULES: Readonly<Record<string, Permission>> = {
  kernel: { values: [] },
  config: { values: ['kernel'] },
  calendar: { values: ['kernel'] },
  db: { values: BASE },
  organisation: { values: [...BASE, 'db'] },
  subscribers: { values: [...BASE, 'db', 'organisation'] },
  meetings: { values: [...BASE, 'db', 'organisation', 'subscribers'] },
  noticeboard: { values: [...BASE, 'db', 'organisation', 'subscribers'] },
  announcements: { values: [...BASE, 'db', 'organisation', 'subscribers', 'meetings', 'noticeboard'] },
  attendance: { values: [...BASE, 'db', 'organisation', 'subscribers', 'meetings'] },
  rooms: { values: [...BASE, 'db', 'organisation', 'meetings', 'announcements'] },
  sync: { values: [...BASE, 'db', 'organisation', 'subscribers'] },
  checks: { values: [...BASE, 'render'] },
  drafts: { values: [...BASE, 'db', 'render', 'checks', ...DOMAIN] },
  mail: { values: BASE },
  mailerlite: { values: BASE },
  zoom: { values: BASE },
  render: { values: BASE },
  outbox: { values: [...BASE, 'db', 'mail'] },
  queue: { values: [...BASE, 'db'] },
  jobs: {
    values: [...BASE, 'db', 'queue', 'render', 'checks', 'drafts', 'outbox', ...DOMAIN, ...EDGES],
    types: ['process'],
  },
  web: { values: [...BASE, 'db', 'render', 'outbox', 'checks', 'drafts', ...DOMAIN], types: EDGES },
  cli: { values: [...BASE, 'db', 'render', 'outbox', 'checks', 'drafts', ...DOMAIN], types: EDGES },
  process: {
    values: [
      ...BASE,
      'db',
      'queue',
      'render',
      'outbox',
      'checks',
      'drafts',
      'jobs',
      'web',
      'cli',
      ...DOMAIN,
      ...EDGES,
    ],
  },
};

/** Packages that only the named folders may use; the rest of the program does not know that they exist. */
const OWNERS: Readonly<Record<string, Permission>> = {
  bullmq: { values: ['queue'] },
  ioredis: { values: ['queue'], types: ['mailerlite', 'zoom', 'mail', 'process'] },
  'node-cron': { values: ['queue'] },
  fastify: { values: ['web'], types: ['queue', 'process'] },
  nodemailer: { values: ['mail'] },
  handlebars: { values: ['render'] },
  commander: { values: ['cli'] },
  pg: { values: ['db'] },
  '@electric-sql/pglite': { values: ['db'] },
  '@mailerlite/mailerlite-nodejs': { values: ['mailerlite'] },
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const IMPORT = /(?:^|\n)[ \t]*(?:import|export)\s+(type\s+)?((?:[^;'"]*?\sfrom\s+)?)'([^']+)'/g;
const LAZY_IMPORT = /import\(\s*'([^']+)'\s*\)/g;

function* sourceFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(path.join(projectRoot, folder), { withFileTypes: true })) {
    const file = path.posix.join(folder, entry.name);
    if (entry.isDirectory()) yield* sourceFiles(file);
    else if (entry.name.endsWith('.ts')) yield file;
  }
}

function importsOf(file: string): Import[] {
  const text = readFileSync(path.join(projectRoot, file), 'utf8');
  const resolve = (to: string) => (to.startsWith('.') ? path.posix.join(path.posix.dirname(file), to) : to);
  const found = [...text.matchAll(IMPORT)].map(([, type, names = '', to = '']) => ({
    from: file,
    to: resolve(to),
    typeOnly: type !== undefined || onlyTypes(names),
  }));
  const lazy = [...text.matchAll(LAZY_IMPORT)].map(([, to = '']) => ({
    from: file,
    to: resolve(to),
    typeOnly: false,
  }));
  return [...found, ...lazy];
}

/** `{ type A, type B } from`. */
function onlyTypes(names: string): boolean {
  const list = /^\{([^}]*)\}\s*from$/.exec(names.trim())?.[1] ?? '';
  const parts = list.split(',').map((part) => part.trim());
  const named = parts.filter((part) => part !== '');
  return named.length > 0 && named.every((part) => part.startsWith('type '));
}

function folderOf(file: string): string {
  const [top = '', next = ''] = file.split('/');
  return top === 'src' ? next : top;
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

const imports = [...sourceFiles('src'), ...sourceFiles('jobs')].flatMap(importsOf);
const ours = imports.filter(({ to }) => to.startsWith('src/') || to.startsWith('jobs/'));

function allowed({ values, types = [] }: Permission, folder: string, typeOnly: boolean): boolean {
  return values.includes(folder) || (typeOnly && types.includes(folder));
}

describe('the import rule', () => {
  it('finds imports at all', () => {
    expect(ours.length).toBeGreaterThan(100);
    expect(ours.some(({ typeOnly }) => typeOnly)).toBe(true);
  });

  it('knows every folder', () => {
    expect(
      [...new Set(ours.flatMap(({ from, to }) => [folderOf(from), folderOf(to)]))].filter((f) => !RULES[f]),
    ).toEqual([]);
  });

  it('is kept: imports point one way', () => {
    const wrong = ours.filter(({ from, to, typeOnly }) => {
      const [source, target] = [folderOf(from), folderOf(to)];
      const rule = RULES[source];
      return source !== target && rule !== undefined && !allowed(rule, target, typeOnly);
    });
    expect(wrong.map(({ from, to, typeOnly }) => `${from} -> ${to}${typeOnly ? ' (type)' : ''}`)).toEqual([]);
  });

  it('keeps each package of weight to one folder', () => {
    const wrong = imports.filter(({ from, to, typeOnly }) => {
      const owner = OWNERS[packageOf(to)];
      return owner !== undefined && !allowed(owner, folderOf(from), typeOnly);
    });
    expect(wrong.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  it('leaves no two files that need each other', () => {
    expect(cycles(ours.filter(({ typeOnly }) => !typeOnly))).toEqual([]);
  });
});

/** Each cycle of imports, as the path that leads back to its start. */
function cycles(edges: readonly Import[]): string[] {
  const next = new Map<string, Import[]>();
  for (const edge of edges) next.set(edge.from, [...(next.get(edge.from) ?? []), edge]);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start >= 0) found.push([...trail.slice(start), file].join(' -> '));
    if (start >= 0 || done.has(file)) return;
    for (const { to } of next.get(file) ?? []) visit(to, [...trail, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return found;
}
