import type { Command } from 'commander';
import { z } from 'zod';
import { ledgerHead } from '../../subscribers/consent-ledger.ts';
import { verifyLedger, type LedgerReport } from '../../subscribers/ledger-verify.ts';
import { subscriberRecord, type SubscriberRecord } from '../../subscribers/subscriber-record.ts';
import { addCommand, addGroup, withApp, type Session } from '../command.ts';
import { createProgress } from '../output/progress.ts';
import { table } from '../output/table.ts';
import { timeColumn } from '../output/time-column.ts';
import { formatNumber } from '../output/text.ts';

export function addConsentCommands(program: Command, session: Session): void {
  const group = addGroup(program, 'consent', 'the ledger of who agreed to what');

  addCommand(group, session, {
    usage: 'verify',
    summary: 'prove that the ledger was not tampered with and that the list agrees with it',
    schema: z.object({}),
    run: withApp(async (_input, { app, io, json }) => {
      const { seq: total } = await ledgerHead(app.db);
      const progress = createProgress(io, 'Checking', json);
      const report = await verifyLedger(app.db, {
        onProgress: (checked) => progress.update(checked, total),
      }).finally(() => progress.end());
      return { data: report, text: verdict(report), status: report.ok ? 0 : 1 };
    }),
  });

  addCommand(group, session, {
    usage: 'show <subscriber>',
    summary: 'show what a person agreed to and when',
    schema: z.object({ subscriber: z.string() }),
    run: withApp(async (input, { app, io }) => {
      const { consent } = await subscriberRecord(app.db, input.subscriber);
      const { timeZone } = await app.settings();
      return { data: consent, text: consentTable(consent, timeZone, io.columns) };
    }),
  });
}

function verdict({ ok, events, head, fault }: LedgerReport): string {
  if (ok) {
    return `The ledger is sound: ${formatNumber(events)} acts, and the list agrees with them.\nLast hash: ${head}\n`;
  }
  const where = fault?.seq === undefined ? '' : ` at row ${fault.seq}`;
  return `The ledger is NOT sound${where} (subscriber ${fault?.subscriberId}): ${fault?.problem}\n`;
}

function consentTable(
  consent: SubscriberRecord['consent'],
  zone: string,
  columns: number | undefined,
): string {
  if (consent.length === 0) return 'There is no act of this person.\n';
  return table(
    consent,
    [
      timeColumn('When', consent, ({ at }) => ({ at, zone })),
      { heading: 'Topic', value: ({ topic }) => topic },
      { heading: 'Act', value: ({ act }) => act },
      { heading: 'By', value: ({ source }) => source.replaceAll('_', ' ') },
      { heading: 'Note', value: ({ note, wording }) => [note, wording].filter(Boolean).join(', ') },
    ],
    columns,
  );
}
