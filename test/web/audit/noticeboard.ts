import { sql } from 'drizzle-orm';
import { jobs } from '../../../jobs/index.ts';
import { confirmed, FORMS } from '../../noticeboard/handing-in.ts';
import { runDueWork } from '../../support/services.ts';
import { idIn, type Walk } from './walk.ts';

/** Items and their bulletins. */
export async function changeNoticeboard({ act, one, db, clock, services }: Walk): Promise<void> {
  const item = {
    ...FORMS.vacancy,
    itemKind: 'vacancy',
    agreement: 'Free of charge.',
    termsAcceptedHow: 'by mail',
  };
  const own = { id: idIn(await act('POST /admin/items/new', {}, item, 'item.added', 'after')) };
  await act(
    'POST /admin/items/:id/edit',
    own,
    { ...item, pay: 'Band 8a', seen: '0' },
    'item.changed',
    'both',
  );
  const handed = await confirmed(db, clock, 'request');
  await act(
    'POST /admin/items/:id/decide',
    { id: handed.id },
    { act: 'ask', question: 'Where is it?' },
    'item.asked',
    'both',
  );
  const schedule = { repeat: 'week', weekday: 'TH', time: '09:00', approval: 'wait', introduction: '' };
  const vacancies = { topic: 'vacancies' };
  await act('POST /admin/bulletins/schedule/:topic', vacancies, schedule, 'bulletins.scheduled', 'after');
  await runDueWork(jobs, services);
  const bulletin = { id: await one(sql`select announcement_id as id from bulletins limit 1`) };
  await act(
    'POST /admin/bulletins/:id/introduce',
    bulletin,
    { introduction: 'Hello.', act: 'save' },
    'bulletin.introduced',
    'after',
  );
  await act('POST /admin/bulletins/:id/approve', bulletin, {}, 'announcement.approved', 'both');
  await act('POST /admin/bulletins/:id/hold', bulletin, {}, 'announcement.held', 'both');
  await act('POST /admin/bulletins/:id/resume', bulletin, {}, 'announcement.approved', 'both');
  await act('POST /admin/bulletins/:id/skip', bulletin, {}, 'announcement.cancelled', 'both');
  await act('POST /admin/bulletins/schedule/:topic/end', vacancies, {}, 'bulletins.ended', 'neither');
  await act('POST /admin/items/:id/take-down', own, { reason: 'filled' }, 'item.withdrawn', 'both');
}
