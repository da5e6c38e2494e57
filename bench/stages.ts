import { generateKeyPairSync } from 'node:crypto';
import { bulkMailMaker, mailMaker } from '../jobs/notice-mail.ts';
import { composeMessage } from '../src/mail/compose.ts';
import { createDkimSigner } from '../src/mail/dkim.ts';
import { fullContent, identity, links, recipient } from './message.ts';
import { usageOf } from './processes.ts';
import { asMebibytes, median, withSpread, type PartReport } from './report.ts';

const ROUNDS = 7;
const MAILS = 500;

/** What each step towards one message costs, made one at a time and made in bulk. */
export async function measureStages(): Promise<PartReport> {
  const content = fullContent();
  const one = mailMaker(content, identity, links);
  const many = await bulkMailMaker(content, identity, links);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const sign = createDkimSigner({
    domain: 'example.org',
    selector: 'bench',
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  });
  const { bytes: example } = many(recipient(0)).raw!();
  const steps: [string, (n: number) => unknown][] = [
    ['filled in and composed one at a time', (n) => composeMessage(one(recipient(n)))],
    ['spliced in bulk, the same bytes', (n) => many(recipient(n)).raw!()],
    ['signed with RSA-2048, one after the other', () => sign(example)],
  ];
  const rows: string[][] = [];
  let first: number | undefined;
  for (const [name, step] of steps) {
    const found = await microseconds(step);
    first ??= median(found);
    rows.push([name, withSpread(found), (median(found) / first).toFixed(2)]);
  }
  return {
    title: 'the cost of one message, step by step',
    about:
      `A reminder of ${example.length.toLocaleString('en-GB')} bytes with its calendar entry; processor time of one ` +
      `process over ${MAILS} messages, ${ROUNDS} rounds, median (lowest–highest). ` +
      `The process never had more than ${asMebibytes(usageOf(process.pid).peakBytes)} of memory.`,
    columns: ['step', 'CPU µs/message', 'ratio to the first'],
    rows,
  };
}

async function microseconds(step: (n: number) => unknown): Promise<number[]> {
  const found: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let n = 0; n < MAILS; n++) await step(n);
    const { user, system } = process.cpuUsage(before);
    // The first round warms up.
    if (round > 0) found.push((user + system) / MAILS);
  }
  return found;
}
