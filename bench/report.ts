import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import path from 'node:path';
import { projectRoot } from '../src/kernel/paths.ts';

/** What one part of the bench found: it becomes a section of `docs/performance.md`. */
export interface PartReport {
  readonly title: string;
  /** What was measured and how, in a sentence or two. */
  readonly about: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const FILE = path.join(projectRoot, 'docs', 'performance.md');

const HEAD = `# Performance

Every section is written by \`npm run bench -- <part>\`, with the machine it ran on. Other programs on the same machine make
every figure worse; ratios are taken within one run, so that they mean something on any machine.
`;

/** The middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** "3,800 (3,610–3,902)": the median, with the lowest and the highest value where there are several. */
export function withSpread(values: readonly number[], digits = 0): string {
  const text = (value: number) =>
    value.toLocaleString('en-GB', { maximumFractionDigits: digits, minimumFractionDigits: digits });
  if (values.length === 1) return text(values[0]!);
  return `${text(median(values))} (${text(Math.min(...values))}–${text(Math.max(...values))})`;
}

/** "0.31 (0.29–0.33)": the ratio of the medians, with the lowest and the highest ratio of a pair where there are several. */
export function ratioWithSpread(pairs: readonly (readonly [value: number, reference: number])[]): string {
  const ratio = median(pairs.map(([value]) => value)) / median(pairs.map(([, reference]) => reference));
  if (pairs.length === 1) return ratio.toFixed(2);
  const ratios = pairs.map(([value, reference]) => value / reference);
  return `${ratio.toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
}

export function asMebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}

/** What is being done, for whoever waits for it. */
export function say(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

/** Prints the report and puts it in the place of the earlier one of the same part. */
export function publish(part: string, report: PartReport): void {
  const section = `## ${part}: ${report.title}\n\n${report.about}\n\n${machine()}\n\n${table(report)}\n`;
  process.stdout.write(`\n${section}`);
  const text = existsSync(FILE) ? readFileSync(FILE, 'utf8') : HEAD;
  const sections = text.split(/\n(?=## )/);
  const [head = HEAD, ...others] = sections;
  const kept = others.filter((other) => !other.startsWith(`## ${part}:`));
  const all = [...kept.map((other) => other.trimEnd()), section.trimEnd()].sort();
  writeFileSync(FILE, `${head.trimEnd()}\n\n${all.join('\n\n')}\n`);
}

/** The machine, the moment and the load under which something was measured, in one sentence. */
export function machine(): string {
  const memory = Math.round(totalmem() / 2 ** 30);
  const load = loadavg()[0]!.toFixed(1);
  return (
    `Measured on ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC: ${availableParallelism()} cores ` +
    `(${cpus()[0]?.model.trim() ?? 'unknown'}), ${memory} GiB memory, Node ${process.versions.node}; ` +
    `load average at the end of the run, this run included: ${load}.`
  );
}

/** A table whose columns are aligned, as the formatter of the documents wants it. */
export function table({ columns, rows }: Pick<PartReport, 'columns' | 'rows'>): string {
  const widths = columns.map((name, index) =>
    Math.max(3, name.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, index) => (cells[index] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(columns), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
