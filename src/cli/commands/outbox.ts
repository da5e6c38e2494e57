import type { Command } from 'commander';
import { z } from 'zod';
import { formatDateTime } from '../../calendar/format.ts';
import {
  countOutbox,
  listOutbox,
  readOutboxMessage,
  type OutboxEntry,
  type OutboxMessage,
} from '../../outbox/outbox.ts';
import type { Tx } from '../../db/open.ts';
import { addCommand, addGroup, withApp, type Session } from '../command.ts';
import { resolveId, shortId } from '../ids.ts';
import { fields, table } from '../output/table.ts';
import { timeColumn } from '../output/time-column.ts';
import { formatNumber, printable } from '../output/text.ts';

const PAGE = 500;
const SHOWN = 50;

export function addOutboxCommands(program: Command, session: Session): void {
  const group = addGroup(program, 'outbox', 'the mails that were kept instead of sent');

  addCommand(group, session, {
    usage: 'list [words...]',
    summary: 'show kept mails, the newest first',
    schema: z.object({ words: z.array(z.string()) }),
    run: withApp(async (input, { app, io, json }) => {
      const search = input.words.join(' ');
      if (json) return { list: { items: everything(app.db, search) }, text: '' };
      const { timeZone } = await app.settings();
      const { entries, next } = await listOutbox(app.db, { search, limit: SHOWN });
      const all = await countOutbox(app.db);
      const rest =
        next === null ? '' : `… and more, of ${formatNumber(all)} in all. --json gives every one.\n`;
      return { text: outboxTable(entries, timeZone, io.columns) + rest };
    }),
  });

  addCommand(group, session, {
    usage: 'show <mail>',
    summary: 'show one kept mail',
    options: [{ flags: '--source', help: 'the whole message as it would have gone out' }],
    schema: z.object({ mail: z.string(), source: z.boolean().default(false) }),
    run: withApp(async (input, { app }) => {
      const mail = await readOutboxMessage(
        app.db,
        await resolveId(app.db, 'mail in the outbox', input.mail, 'mail'),
      );
      const { timeZone } = await app.settings();
      const source = Buffer.from(mail.raw).toString('utf8');
      return {
        data: { ...mailData(mail), ...(input.source ? { source } : {}) },
        text: input.source ? source : mailText(mail, timeZone),
      };
    }),
  });
}

async function* everything(tx: Tx, search: string) {
  let after: string | null = null;
  do {
    const page = await listOutbox(tx, { search, limit: PAGE, ...(after === null ? {} : { after }) });
    yield* page.entries;
    after = page.next;
  } while (after !== null);
}

function mailData(mail: OutboxMessage) {
  return {
    id: mail.id,
    at: mail.at,
    recipient: mail.recipient,
    subject: mail.subject,
    messageId: mail.messageId,
    deliveryId: mail.deliveryId,
    size: mail.size,
    headers: mail.headers,
    text: mail.text,
    html: mail.html,
    attachments: mail.attachments.map(({ filename, contentType, method, content }) => ({
      filename,
      contentType,
      method,
      size: content.length,
    })),
  };
}

function outboxTable(entries: readonly OutboxEntry[], zone: string, columns: number | undefined): string {
  if (entries.length === 0) return 'There is no mail in the outbox.\n';
  return table(
    entries,
    [
      { heading: 'Id', value: ({ id }) => shortId(id), whole: true },
      timeColumn('Kept', entries, ({ at }) => ({ at, zone })),
      { heading: 'To', value: ({ recipient }) => recipient },
      { heading: 'Subject', value: ({ subject }) => subject },
    ],
    columns,
  );
}

function mailText(mail: OutboxMessage, zone: string): string {
  const header = (name: string) => mail.headers.find((each) => each.name.toLowerCase() === name)?.value;
  const head = fields([
    ['Kept', `${formatDateTime(mail.at, zone)}, not sent`],
    ['From', header('from')],
    ['To', mail.recipient],
    ['Subject', mail.subject],
    ['Attachments', mail.attachments.map(({ filename }) => filename).join(', ')],
  ]);
  return `${head}\n${(mail.text ?? '').split('\n').map(printable).join('\n')}\n`;
}
