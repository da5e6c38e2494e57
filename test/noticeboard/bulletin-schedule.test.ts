import { describe, expect, it } from 'vitest';
import { endBulletins } from '../../src/announcements/bulletins-changes.ts';
import { bulletinDates, parseBulletinSchedule } from '../../src/announcements/bulletins-schedules.ts';
import { queryPlan } from '../../src/announcements/plan-query.ts';
import { bulletinItems } from '../../src/db/schema.ts';
import { addPeople } from '../support/meetings.ts';
import { DRAFTED, useBulletins } from './bulletin-board.ts';

const { clock, context, db, schedule, plan, post, only, titles } = useBulletins();

describe('a schedule', () => {
  it('says when bulletins are drafted, sent and of no use any more, on the wall clock', () => {
    const timing = {
      rule: 'FREQ=MONTHLY;BYDAY=-1SU',
      wallTime: '09:00',
      zone: 'Europe/London',
      startsOn: Temporal.PlainDate.from('2027-01-01'),
    };
    const span = { from: Temporal.PlainDate.from('2027-03-01'), to: Temporal.PlainDate.from('2027-03-31') };
    // 28 March 2027 is the day on which the clocks go forward.
    expect(
      bulletinDates(timing, span, context.settings).map((each) => JSON.parse(JSON.stringify(each)) as object),
    ).toEqual([
      {
        date: '2027-03-28',
        draftAt: '2027-03-26T09:00:00Z',
        sendAt: '2027-03-28T08:00:00Z',
        lateAfter: '2027-04-04T08:00:00Z',
      },
    ]);
    const weekly = { ...timing, rule: 'FREQ=WEEKLY;BYDAY=MO,TH', wallTime: '07:00' };
    const week = { from: Temporal.PlainDate.from('2027-06-07'), to: Temporal.PlainDate.from('2027-06-10') };
    const [monday, thursday] = bulletinDates(weekly, week, context.settings);
    expect(monday!.sendAt.toString()).toBe('2027-06-07T07:00:00Z');
    expect(monday!.lateAfter.equals(thursday!.sendAt)).toBe(true);
  });

  it('is refused with a sentence for every field that is wrong', () => {
    const today = Temporal.PlainDate.from('2027-06-01');
    const parse = (raw: object) => () => parseBulletinSchedule(raw, today);
    expect(parse({ topic: 'meetings', rule: 'daily', time: '9', zone: 'GMT', approval: 'maybe' })).toThrow(
      /topic: .*rule: .*time: .*zone: .*approval: /,
    );
  });

  it('is one per topic: setting it again changes it', async () => {
    const first = await schedule();
    const second = await schedule({ time: '10:00', introduction: 'Hello.' });
    expect(second).toMatchObject({ id: first.id, wallTime: '10:00', introduction: 'Hello.' });
    expect((await schedule({ topic: 'training' })).id).not.toBe(first.id);
  });
});

describe('a change of the schedule', () => {
  it('moves what is drafted, or stops it and frees its items', async () => {
    await schedule();
    await post(1);
    clock.set(DRAFTED);
    await plan();
    await schedule({ time: '18:00' });
    expect((await only()).sendAt.toString()).toBe('2027-06-07T17:00:00Z');
    await schedule({ approval: 'wait' });
    expect((await only()).state).toBe('awaiting_approval');
    await schedule({ rule: 'FREQ=MONTHLY;BYDAY=2MO' });
    expect(await only()).toMatchObject({ state: 'cancelled', stateBy: 'planner' });
    await plan();
    expect(await db().select().from(bulletinItems)).toEqual([]);
    await schedule();
    expect((await only()).state).toBe('approved');
    expect(await titles(await only())).toEqual(['Post 1']);
    await endBulletins(db(), 'vacancies', context);
    expect((await only()).state).toBe('cancelled');
    await plan();
    expect((await only()).state).toBe('cancelled');
  });
});

describe('the plan', () => {
  it('shows bulletins before and after they are drafted, under one id', async () => {
    await addPeople(db(), clock, 3, 'vacancies');
    await schedule({ approval: 'wait' });
    const look = () =>
      queryPlan(
        db(),
        { from: Temporal.PlainDate.from('2027-06-01'), to: Temporal.PlainDate.from('2027-07-31') },
        context,
      );
    const before = await look();
    expect(
      before.map(({ kind, sendAtLocal, state, audience }) => [kind, sendAtLocal, state, audience]),
    ).toEqual([
      ['vacancy_bulletin', '2027-06-07T09:00:00', 'awaiting_approval', 3],
      ['vacancy_bulletin', '2027-07-05T09:00:00', 'awaiting_approval', 3],
    ]);
    await post(1);
    clock.set(DRAFTED);
    await plan();
    expect((await look()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect((await only()).id).toBe(before[0]!.id);
  });
});
