import { exampleMessage } from './message.ts';
import { referenceRate, startSink } from './postfix.ts';
import { median, withSpread, type PartReport } from './report.ts';

const ROUNDS = 5;
const MESSAGES = 20_000;

/** What the machine's own reference does: Postfix's smtp-source against its smtp-sink. */
export async function measureWire(): Promise<PartReport> {
  const lengths = [1_000, 13_000, (await exampleMessage()).length];
  const sink = await startSink();
  try {
    const found = lengths.map((bytes) => ({
      bytes,
      rates: Array.from({ length: ROUNDS }, () => referenceRate(sink.port, MESSAGES, bytes)),
    }));
    const shortest = median(found[0]!.rates);
    const rows = found.map(({ bytes, rates }) => [
      bytes.toLocaleString('en-GB'),
      withSpread(rates),
      (median(rates) / shortest).toFixed(2),
    ]);
    return {
      title: 'the reference: smtp-source against smtp-sink',
      about:
        'Postfix’s `smtp-source -d -s 10`, a C program that sends one fixed message over kept connections; the longest one is as long ' +
        `as a reminder with its calendar entry. ${ROUNDS} rounds of ${MESSAGES.toLocaleString('en-GB')} messages; median (lowest–highest).`,
      columns: ['bytes', 'messages/s', 'ratio to the shortest'],
      rows,
    };
  } finally {
    await sink.stop();
  }
}
