import { sql } from 'drizzle-orm';
import { fileComplaint } from '../../../src/subscribers/complaints.ts';
import { noteDifferences } from '../../../src/sync/differences.ts';
import { idIn, type Walk } from './walk.ts';

/** The list, complaints, and what differs at MailerLite. */
export async function changeSubscribers({ act, entered, one, browser, db, clock }: Walk): Promise<void> {
  const added = await act(
    'POST /admin/subscribers/new',
    {},
    { email: 'ann@example.org', name: 'Ann Lee', topics: ['meetings', 'news'] },
    'subscriber.added',
    'after',
  );
  const ann = { id: idIn(added) };
  await act(
    'POST /admin/subscribers/:id/edit',
    ann,
    { email: 'ann@example.org', name: 'Ann Leigh' },
    'subscriber.changed',
    'after',
  );
  await act(
    'POST /admin/subscribers/:id/topics',
    ann,
    { topics: ['meetings', 'news', 'training'], note: 'asked by telephone' },
    'subscriber.topics_changed',
    'both',
  );
  await entered(
    'POST /admin/subscribers/import',
    async () => {
      const answer = await browser.upload(
        '/admin/subscribers/import',
        { topics: 'meetings' },
        { field: 'file', name: 'people.csv', content: 'email\nbob@example.org\n' },
      );
      await browser.get(answer.headers.location!);
      return answer;
    },
    'subscribers.imported',
    'after',
  );
  const bob = { id: await one(sql`select id from subscribers where email = 'bob@example.org'`) };
  await act(
    'POST /admin/subscribers/:id/remove',
    bob,
    { reason: 'asked for it' },
    'subscriber.removed',
    'both',
  );
  await act('POST /admin/subscribers/:id/allow', bob, {}, 'subscriber.allowed_again', 'both');
  await act('POST /admin/subscribers/:id/erase', bob, { sure: 'yes' }, 'subscriber.erased', 'neither');
  const complaint = await fileComplaint(db, { text: 'Too much mail.' }, { clock });
  await act(
    'POST /admin/complaints/:id/note',
    { id: complaint.id },
    { note: 'Looked at it.' },
    'complaint.note',
    'both',
  );
  await act(
    'POST /admin/complaints/:id/acknowledge',
    { id: complaint.id },
    {},
    'complaint.acknowledged',
    'both',
  );
  await act(
    'POST /admin/complaints/:id/close',
    { id: complaint.id },
    { outcome: 'Fewer mails.' },
    'complaint.closed',
    'both',
  );
  await act('POST /admin/complaints/:id/reopen', { id: complaint.id }, {}, 'complaint.reopened', 'both');
  await act('POST /admin/mailerlite/webhook', {}, {}, 'mailerlite_webhook.wanted', 'neither');
  await act('POST /admin/mailerlite/sync', {}, {}, 'mailerlite_sync.started', 'neither');
  await noteDifferences(db, [{ kind: 'gone_there', subscriberId: ann.id, mailerliteId: '7' }], { clock });
  const difference = { id: await one(sql`select id from sync_differences`) };
  await act(
    'POST /admin/mailerlite/differences/:id',
    difference,
    { action: 'put_back' },
    'sync_difference.resolved',
    'both',
  );
}
