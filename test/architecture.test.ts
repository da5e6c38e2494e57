import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../src/kernel/paths.ts';

/** What each part may import besides itself. ARCHITECTURE.md draws the same picture. */
const CORE = ['kernel', 'config', 'calendar'];
const DOMAIN = ['db', 'organisation', 'subscribers', 'meetings', 'noticeboard', 'announcements'];
const EDGES = ['mail', 'mailerlite', 'zoom', 'render'];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  config: ['kernel'],
  calendar: ['kernel'],
  db: CORE,
  organisation: [...CORE, 'db'],
  subscribers: [...CORE, 'db', 'organisation'],
  meetings: [...CORE, 'db', 'organisation', 'subscribers'],
  noticeboard: [...CORE, 'db', 'organisation', 'subscribers'],
  announcements: [...CORE, ...DOMAIN],
  ...Object.fromEntries(EDGES.map((edge) => [edge, CORE])),
  outbox: [...CORE, 'db', 'mail'],
  queue: [...CORE, 'db'],
  sync: [...CORE, 'db', 'organisation', 'subscribers'],
  rooms: [...CORE, ...DOMAIN],
  attendance: [...CORE, ...DOMAIN],
  checks: [...CORE],
  jobs: [...CORE, ...DOMAIN, ...EDGES, 'outbox', 'queue', 'sync', 'rooms', 'attendance', 'checks'],
  web: [...CORE, ...DOMAIN, 'render', 'outbox', 'sync', 'rooms', 'attendance', 'checks'],
  // Types only, as the last test sees to.
  cli: [...CORE, ...DOMAIN, 'render', 'mail', 'outbox', 'sync', 'rooms', 'attendance', 'checks'],
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function sources(folder: string): string[] {
  return readdirSync(path.join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => path.posix.join(folder, file.split(path.sep).join('/')));
}

const STATEMENT =
  /^(?:import|export)\s+(type\s+)?[^'"]*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\('([^']+)'\)/gm;

function importsOf(file: string): Import[] {
  const text = readFileSync(path.join(projectRoot, file), 'utf8');
  return [...text.matchAll(STATEMENT)].flatMap(([, type, named, bare, dynamic]) => {
    const target = named ?? bare ?? dynamic ?? '';
    if (!target.startsWith('.')) return [];
    return [
      { from: file, to: path.posix.join(path.posix.dirname(file), target), typeOnly: type !== undefined },
    ];
  });
}

/** `jobs`, or the folder below `src`. */
function partOf(file: string): string {
  const [top, second] = file.split('/');
  return top === 'src' ? second! : top!;
}

const files = [...sources('src'), ...sources('jobs')];
const imports = files.flatMap(importsOf);

describe('the import rule', () => {
  it('finds the imports that it judges', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(imports.length).toBeGreaterThan(files.length);
  });

  it('lets imports point inwards only', () => {
    const wrong = imports
      .map(({ from, to }) => ({ from, to, part: partOf(from), target: partOf(to) }))
      .filter(
        ({ part, target }) => part !== target && part !== 'process' && !MAY_IMPORT[part]?.includes(target),
      )
      .map(({ from, to }) => `${from} imports ${to}`);
    expect(wrong).toEqual([]);
  });

  it('has no cycles between modules', () => {
    const next = new Map<string, string[]>();
    for (const { from, to, typeOnly } of imports) {
      if (!typeOnly) next.set(from, [...(next.get(from) ?? []), to]);
    }
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      if (trail.includes(file)) {
        cycles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
        return;
      }
      if (done.has(file)) return;
      for (const target of next.get(file) ?? []) visit(target, [...trail, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it('lets only jobs and the process hold an edge at run time', () => {
    const callers = imports.filter(
      ({ from, to, typeOnly }) =>
        !typeOnly &&
        ['mail', 'mailerlite', 'zoom'].includes(partOf(to)) &&
        ![partOf(to), 'jobs', 'process', 'outbox'].includes(partOf(from)),
    );
    expect(callers.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });
});
