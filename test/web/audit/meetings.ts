import { sql } from 'drizzle-orm';
import { idIn, type Walk } from './walk.ts';

/** Single meetings and series; gives the meeting whose reminder is still to come. */
export async function changeMeetings({ act, one }: Walk): Promise<{ id: string }> {
  const meeting = {
    title: 'Talk',
    description: '',
    link: 'https://zoom.us/j/98765432100',
    duration: '60',
    date: '2027-02-10',
    time: '19:00',
    zone: 'Europe/London',
    remindAmount: '1',
    remindUnit: 'd',
    remindAt: '09:00',
  };
  const talk = { id: idIn(await act('POST /admin/meetings/new', {}, meeting, 'meeting.added', 'after')) };
  await act(
    'POST /admin/meetings/:id/change',
    talk,
    { ...meeting, time: '20:00', confirmed: 'yes' },
    'meeting.changed',
    'both',
  );
  const series = {
    ...meeting,
    title: 'First Monday',
    repeat: 'weekday',
    nth: '1',
    weekday: 'MO',
    every: '1',
  };
  const mondays = {
    id: idIn(await act('POST /admin/meetings/series/new', {}, series, 'series.added', 'after')),
  };
  const undecided = { id: await one(sql`select id from meetings where status = 'undecided' limit 1`) };
  await act('POST /admin/meetings/:id/decide', undecided, { decision: 'keep' }, 'meeting.kept', 'both');
  await act(
    'POST /admin/meetings/series/:id/edit',
    mondays,
    { ...series, title: 'Mondays', confirmed: 'yes' },
    'series.changed',
    'both',
  );
  await act('POST /admin/meetings/series/:id/end', mondays, {}, 'series.archived', 'after');
  return talk;
}
