import { eq } from 'drizzle-orm';
import { holdSending } from '../../../src/announcements/sending-hold.ts';
import { deliveries } from '../../../src/db/schema.ts';
import type { Walk } from './walk.ts';

/** Sending after a restore. */
export async function releaseSending(
  { act, entered, browser, db, clock }: Walk,
  news: { id: string },
): Promise<void> {
  await holdSending(db, { reason: 'restored' }, { clock, actor: 'system' });
  const [sent] = await db.select().from(deliveries).where(eq(deliveries.announcementId, news.id));
  await entered(
    'POST /admin/sending/log',
    () =>
      browser.upload(
        '/admin/sending/log',
        {},
        { field: 'file', name: 'mail.log', content: `${sent!.messageId} status=sent\n` },
      ),
    'sending.log_read',
    'after',
  );
  await act('POST /admin/sending/release', {}, { sure: 'yes' }, 'sending.released', 'after');
}
