import { MESSAGE_BYTES, referenceRate, startSink } from './postfix.ts';
import { withSpread, type PartReport } from './report.ts';

const ROUNDS = 5;
const MESSAGES = 20_000;

/** What the machine's own reference does: Postfix's smtp-source against its smtp-sink. */
export async function measureWire(): Promise<PartReport> {
  const sink = await startSink();
  try {
    const rates = Array.from({ length: ROUNDS }, () => referenceRate(sink.port, MESSAGES));
    return {
      title: 'the reference: smtp-source against smtp-sink',
      about:
        `Postfix’s \`smtp-source -d -s 10\`, a C program that sends one fixed message of ${MESSAGE_BYTES.toLocaleString('en-GB')} bytes over ` +
        `kept connections. ${ROUNDS} rounds of ${MESSAGES.toLocaleString('en-GB')} messages; median (lowest–highest).`,
      columns: ['what', 'messages/s'],
      rows: [['smtp-source', withSpread(rates)]],
    };
  } finally {
    await sink.stop();
  }
}
