import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { machine, table } from '../../bench/report.ts';
import { projectRoot } from '../../src/kernel/paths.ts';
import type { Report } from './run.ts';

const FILE = path.join(projectRoot, 'docs', 'chaos.md');

/** The outcome of a run as tables in Markdown, for the terminal and for the documents alike. */
export function tableOf(report: Report): string {
  const kinds = Object.entries(report.faults);
  const outcomes = ['sent', 'excluded', 'failed', 'unknown', 'cancelled', 'doubled', 'lost'] as const;
  return [
    table({
      columns: ['outcome', 'deliveries'],
      rows: [
        ['all', count(report.deliveries)],
        ...outcomes.map((name) => [
          name === 'doubled' || name === 'lost' ? `**${name}**` : name,
          count(report[name]),
        ]),
      ],
    }),
    table({
      columns: ['fault', 'times'],
      rows: [
        ['all', count(kinds.reduce((sum, [, times]) => sum + times, 0))],
        ...kinds.toSorted(([a], [b]) => a.localeCompare(b)).map(([kind, times]) => [kind, count(times)]),
      ],
    }),
    table({
      columns: ['in the group meanwhile', 'times'],
      rows: Object.entries(report.life).map(([event, times]) => [event, count(times)]),
    }),
    `${report.seconds} seconds; ${report.redisKeys} keys left in Redis; ${report.wrong.length} findings against the model.`,
  ].join('\n\n');
}

const count = (value: number): string => value.toLocaleString('en-GB');

/** Puts a result in the place of the earlier one of the same name in `docs/chaos.md`, with the command that made it. */
export function record(name: string, args: readonly string[], result: string): void {
  const heading = `## Result: ${name}`;
  const command = ['npm run chaos', ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
  const section = `${heading}\n\n\`${command}\`\n\n${machine()}\n\n${result}\n`;
  const sections = readFileSync(FILE, 'utf8').split(/\n(?=## )/);
  const at = sections.findIndex((each) => each.startsWith(`${heading}\n`));
  if (at >= 0) sections[at] = section;
  else sections.push(section);
  writeFileSync(FILE, `${sections.map((each) => each.trim()).join('\n\n')}\n`);
}
