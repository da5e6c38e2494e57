import { eq, sql } from 'drizzle-orm';
import { jobs } from '../../../jobs/index.ts';
import { deliveries } from '../../../src/db/schema.ts';
import { runDueWork } from '../../support/services.ts';
import { idIn, type Walk } from './walk.ts';

/** Written announcements and planned reminders; gives one that was sent. */
export async function changeAnnouncements(
  { act, one, browser, db, clock, services }: Walk,
  talk: { id: string },
): Promise<{ id: string }> {
  const draft = {
    kind: 'news',
    topic: 'news',
    channel: 'smtp',
    subject: 'News',
    body: 'Hello {{name|there}}, the library has moved.',
    when: 'approved',
  };
  const news = {
    id: idIn(await act('POST /admin/announcements/new', {}, draft, 'draft.created', 'after')),
  };
  await act(
    'POST /admin/announcements/:id/edit',
    news,
    { ...draft, subject: 'Other news', seen: '1' },
    'draft.edited',
    'both',
  );
  await act('POST /admin/announcements/:id/test', news, {}, 'draft.test_mail_asked_for', 'neither');
  const hash = async () => {
    const { body } = await browser.get(`/admin/announcements/${news.id}`);
    return {
      hash: /name="hash" value="([^"]+)"/.exec(body)![1]!,
      confirm: [...body.matchAll(/name="confirm" value="([^"]+)"/g)].map(([, key]) => key!),
    };
  };
  await act('POST /admin/announcements/:id/approve', news, await hash(), 'announcement.approved', 'both');
  await act('POST /admin/announcements/:id/undo', news, {}, 'announcement.approval_withdrawn', 'both');
  await act('POST /admin/announcements/:id/approve', news, await hash(), 'announcement.approved', 'both');
  await act('POST /admin/announcements/:id/hold', news, { reason: 'wait' }, 'announcement.held', 'both');
  await act('POST /admin/announcements/:id/resume', news, {}, 'announcement.approved', 'both');
  await act('POST /admin/announcements/:id/posted', news, {}, 'whatsapp.posted', 'neither');
  const spare = {
    id: idIn(
      await act(
        'POST /admin/announcements/new',
        {},
        { ...draft, subject: 'Spare' },
        'draft.created',
        'after',
      ),
    ),
  };
  await act('POST /admin/announcements/:id/delete', spare, {}, 'draft.removed', 'before');
  await browser.post('/admin/subscribers/new', { email: 'cat@example.org', name: 'Cat', topics: ['news'] });
  clock.advance({ minutes: 6 });
  await runDueWork(jobs, services);
  await browser.post('/admin/subscribers/new', { email: 'dan@example.org', name: 'Dan', topics: ['news'] });
  await act('POST /admin/announcements/:id/missed', news, {}, 'draft.created', 'after');
  await act('POST /admin/announcements/:id/correction', news, {}, 'draft.created', 'after');
  await db.update(deliveries).set({ state: 'unknown' }).where(eq(deliveries.announcementId, news.id));
  await act(
    'POST /admin/announcements/:id/resolve',
    news,
    { delivery: 'all', outcome: 'sent' },
    'deliveries.resolved',
    'after',
  );
  const reminder = {
    id: await one(
      sql`select id from announcements where state = 'approved' and meeting_id = ${talk.id} limit 1`,
    ),
  };
  await act(
    'POST /admin/announcements/:id/cancel',
    reminder,
    { reason: 'not needed' },
    'announcement.cancelled',
    'both',
  );
  await act('POST /admin/meetings/:id/cancel', talk, { reason: 'ill' }, 'meeting.cancelled', 'both');
  return news;
}
