import type { Report } from './run.ts';

/** The outcome of a run as a table in Markdown, for the terminal and for the documents alike. */
export function tableOf(report: Report): string {
  const kinds = new Map<string, number>();
  for (const { kind } of report.faults) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const lines = [
    '| fault | times |',
    '| --- | ---: |',
    ...[...kinds].sort(([a], [b]) => a.localeCompare(b)).map(([kind, times]) => `| ${kind} | ${times} |`),
    `| **all** | **${report.faults.length}** |`,
    '',
    '| outcome | deliveries |',
    '| --- | ---: |',
    ...(['deliveries', 'sent', 'excluded', 'failed', 'unknown', 'cancelled', 'doubled', 'lost'] as const).map(
      (name) => `| ${name === 'deliveries' ? 'all' : name} | ${report[name]} |`,
    ),
    '',
    `${report.seconds} s; ${report.optOuts} opt-outs answered; ${report.pauses} runs paused themselves and were resumed; ${report.wrong.length} findings against the model.`,
  ];
  return lines.join('\n');
}
