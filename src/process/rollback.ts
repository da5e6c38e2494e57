import { holdSending, rememberDeliveries, unknownToLedger } from '../announcements/sending-hold.ts';
import { journalFolder, readJournal } from '../outbox/journal.ts';
import type { Services } from './app.ts';

/** Nobody goes back further than this to a database that still plans. */
const LOOK_BACK = Temporal.Duration.from({ hours: 24 * 35 });

/**
 * Holds all sending when the journal knows of messages that went out and the ledger has them still to send, or does
 * not have them: the database was taken back to an earlier moment, by whatever means.
 *
 * @returns whether sending was held because of it.
 */
export async function holdAfterRollback({
  db,
  clock,
  config,
  log,
}: Pick<Services, 'db' | 'clock' | 'config' | 'log'>): Promise<boolean> {
  const entries = await readJournal(journalFolder(config), clock.now().subtract(LOOK_BACK));
  const sent = entries.filter(({ outcome }) => outcome === 'sent').map(({ deliveryId }) => deliveryId);
  const forgotten = await unknownToLedger(db, sent);
  if (forgotten.length === 0) return false;
  await rememberDeliveries(db, entries, 'journal');
  const reason = `The database seems to have been restored to an earlier moment: it has forgotten ${forgotten.length} messages that went out.`;
  const held = await holdSending(db, { reason }, { clock, actor: 'system' });
  log.error({ forgotten: forgotten.length }, 'sending is held: compare and release it under /admin/sending');
  return held;
}
