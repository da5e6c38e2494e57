import { describe, expect, it } from 'vitest';
import { NOTHING_TO_TELL } from '../../src/announcements/bulletins.ts';
import { approveBulletin, introduceBulletin } from '../../src/announcements/bulletins-changes.ts';
import { bulletinContent, readBulletin } from '../../src/announcements/bulletins-content.ts';
import { editItem, expireItems, withdrawItem } from '../../src/announcements/bulletins-items.ts';
import { findAnnouncement, type Announcement } from '../../src/announcements/announcements.ts';
import { cancelAnnouncement } from '../../src/announcements/life-cycle.ts';
import { bulletinItems } from '../../src/db/schema.ts';
import { readSettings } from '../../src/organisation/settings.ts';
import { input } from './handing-in.ts';
import { DRAFTED, useBulletins } from './bulletin-board.ts';

const { clock, context, db, empty, schedule, plan, added, post, all, only, titles, mails } = useBulletins();

describe('a bulletin', () => {
  it('is drafted two days ahead, once, with what is approved and still open when it goes out', async () => {
    await schedule();
    await post(1, { closingDate: '2027-06-10' });
    await post(2, { closingDate: '2027-06-06' });
    clock.set('2027-06-05T07:59:59Z');
    await plan();
    expect(await all()).toEqual([]);
    clock.set(DRAFTED);
    await Promise.all([plan(), plan(), plan()]);
    await plan();
    const row = await only();
    expect(row).toMatchObject({
      kind: 'vacancy_bulletin',
      topic: 'vacancies',
      title: 'Vacancy bulletin: Monday 7 June 2027',
      state: 'approved',
      stateBy: 'planner',
    });
    expect(row.sendAt.toString()).toBe('2027-06-07T08:00:00Z');
    expect(await titles(row)).toEqual(['Post 1']);
    expect(await mails('bulletin-drafted')).toBe(1);
  });

  it('carries no item that another has carried, and releases those of one that was stopped', async () => {
    clock.set('2027-06-04T12:00:00Z');
    await schedule({ rule: 'FREQ=WEEKLY;BYDAY=MO,TH' });
    await post(1);
    clock.set(DRAFTED);
    await plan();
    await post(2);
    await plan();
    const [monday] = await all();
    expect(await titles(monday!)).toEqual(['Post 1', 'Post 2']);
    await cancelAnnouncement(db(), monday!.id, 'Not this week.', context);
    await plan();
    expect((await findAnnouncement(db(), monday!.id)).state).toBe('cancelled');
    clock.set('2027-06-08T08:00:00Z');
    await plan();
    const thursday = (await all()).at(-1)!;
    expect(await titles(thursday)).toEqual(['Post 1', 'Post 2']);
    expect(await db().select().from(bulletinItems)).toHaveLength(2);
  });

  it('is skipped when there is nothing to tell, which is said; an item in time brings it back', async () => {
    await schedule();
    clock.set(DRAFTED);
    await plan();
    await plan();
    expect(await only()).toMatchObject({ state: 'cancelled', stateReason: NOTHING_TO_TELL });
    expect(await mails('bulletin-skipped')).toBe(1);
    clock.set('2027-06-06T12:00:00Z');
    await post(1);
    await plan();
    const row = await only();
    expect(row).toMatchObject({ state: 'approved', stateReason: null });
    expect(await titles(row)).toEqual(['Post 1']);
    expect(await mails('bulletin-drafted')).toBe(1);
  });

  it('stays skipped when the item comes after its time, and the next one has it', async () => {
    await schedule();
    clock.set(DRAFTED);
    await plan();
    clock.set('2027-06-07T08:00:01Z');
    await post(1, { closingDate: '2027-07-31' });
    await plan();
    expect((await only()).state).toBe('cancelled');
    clock.set('2027-07-03T08:00:00Z');
    await plan();
    expect(await titles((await all()).at(-1)!)).toEqual(['Post 1']);
  });

  it('is grouped and ordered: vacancies by place and closing date, training by date', async () => {
    await schedule();
    await schedule({ topic: 'training' });
    await post(1, { place: 'York', closingDate: '2027-06-20' });
    await post(2, { place: 'Leeds', closingDate: '2027-06-30' });
    await post(3, { place: 'leeds', closingDate: '2027-06-12' });
    await post(4, { place: '', online: 'on', closingDate: '2027-06-11' });
    const course = (n: number, date: string) =>
      added('training', {
        title: `Course ${n}`,
        start: '',
        end: '',
        dates: date,
        link: `https://c.example/${n}`,
      });
    await course(1, '2027-07-20');
    await course(2, '2027-06-20');
    await course(3, '2027-07-01');
    clock.set(DRAFTED);
    await plan();
    const settings = await readSettings(db());
    const organiser = { name: '', email: '' };
    const shape = async (kind: string) => {
      const row = (await all()).find((each) => each.kind === kind)!;
      const { model } = await bulletinContent(db(), row, {
        clock,
        settings,
        baseUrl: 'https://x.example',
        organiser,
      });
      return model.groups.map(({ heading, items }) => [heading, ...items.map(({ title }) => title)]);
    };
    expect(await shape('vacancy_bulletin')).toEqual([
      ['leeds', 'Post 3', 'Post 2'],
      ['York', 'Post 1'],
      ['Online', 'Post 4'],
    ]);
    expect(await shape('training_bulletin')).toEqual([
      ['June 2027', 'Course 2'],
      ['July 2027', 'Course 3', 'Course 1'],
    ]);
  });

  it('holds forty items at most; the others wait for the next one', async () => {
    await schedule({ rule: 'FREQ=WEEKLY;BYDAY=MO' });
    for (let n = 1; n <= 42; n++) await post(n);
    clock.set(DRAFTED);
    await plan();
    expect(await titles(await only())).toHaveLength(40);
    clock.set('2027-06-12T08:00:00Z');
    await plan();
    expect(await titles((await all()).at(-1)!)).toHaveLength(2);
  });

  it('that should have been drafted while nothing ran waits for a person', async () => {
    await schedule();
    await post(1);
    clock.set('2027-06-07T10:00:00Z');
    await plan();
    const row = await only();
    expect(row.state).toBe('awaiting_approval');
    expect(row.stateReason).toContain('nobody could look at it before its time');
    clock.set('2027-06-07T10:10:00Z');
    await plan();
    expect((await only()).state).toBe('awaiting_approval');
  });

  it('of a day that was over before the schedule was set is not made', async () => {
    await post(1);
    clock.set('2027-06-07T10:00:00Z');
    await schedule();
    await plan();
    expect(await all()).toEqual([]);
  });
});

describe('a bulletin that waits for approval', () => {
  const waiting = async () => {
    await schedule({ approval: 'wait' });
    await post(1);
    clock.set(DRAFTED);
    await plan();
    return only();
  };
  const approve = (row: Announcement) =>
    approveBulletin(db(), row.id, { unchangedSince: row.updatedAt }, context);

  it('is approved once, by whoever is first', async () => {
    const row = await waiting();
    expect(row.state).toBe('awaiting_approval');
    const results = await Promise.allSettled([approve(row), approve(row)]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await only()).toMatchObject({ state: 'approved', stateBy: 'test' });
  });

  it('takes in what is approved meanwhile, so that an old view of it cannot be approved', async () => {
    const row = await waiting();
    clock.set('2027-06-05T09:00:00Z');
    await post(2);
    await plan();
    expect(await titles(await only())).toEqual(['Post 1', 'Post 2']);
    await expect(approve(row)).rejects.toMatchObject({ code: 'conflict' });
    await approve(await only());
    clock.set('2027-06-05T10:00:00Z');
    await post(3);
    await plan();
    expect(await titles(await only())).toEqual(['Post 1', 'Post 2']);
  });

  it('waits again when an item in it or its introduction is changed, not when one is taken out', async () => {
    await post(2);
    const row = await waiting();
    await approve(row);
    const [first, second] = (await readBulletin(db(), row, { clock })).items;
    clock.set('2027-06-05T11:00:00Z');
    await withdrawItem(db(), second!.id, '', context);
    expect((await only()).state).toBe('approved');
    await editItem(
      db(),
      first!.id,
      { input: input(clock, 'vacancy', { role: first!.title, pay: 'Band 7' }) },
      context,
    );
    expect(await only()).toMatchObject({ state: 'awaiting_approval' });
    expect(await mails('bulletin-drafted')).toBe(2);
    await approve(await only());
    const changed = await introduceBulletin(db(), row.id, 'Two posts.', context);
    expect(changed.state).toBe('awaiting_approval');
    expect((await readBulletin(db(), changed, { clock })).introduction).toBe('Two posts.');
  });

  it('can still be approved after its time, with five minutes to stop it, and not into the quiet hours', async () => {
    const row = await waiting();
    clock.set('2027-06-07T07:58:00Z');
    expect((await approve(row)).sendAt.toString()).toBe('2027-06-07T08:03:00Z');
    await plan();
    expect((await only()).sendAt.toString()).toBe('2027-06-07T08:03:00Z');
    await introduceBulletin(db(), row.id, 'Late, but here.', context);
    clock.set('2027-06-09T20:57:00Z');
    expect((await approve(await only())).sendAt.toString()).toBe('2027-06-10T07:00:00Z');
    clock.set('2027-06-09T21:10:00Z');
    await plan();
    expect(await only()).toMatchObject({
      state: 'approved',
      sendAt: Temporal.Instant.from('2027-06-10T07:00Z'),
    });
    await schedule({ approval: 'wait', time: '10:00' });
    expect((await only()).sendAt.toString()).toBe('2027-06-10T07:00:00Z');
  });

  it('cannot be approved when it is too late, or nothing in it is open any more', async () => {
    const row = await waiting();
    // It would go out five minutes later, when the next one is due.
    clock.set('2027-06-14T07:55:00Z');
    await expect(approve(row)).rejects.toThrow('too late');
    await empty();
    clock.set('2027-06-01T12:00:00Z');
    await schedule({ approval: 'wait' });
    await post(1, { closingDate: '2027-06-08' });
    clock.set(DRAFTED);
    await plan();
    clock.set('2027-06-09T08:00:00Z');
    await expireItems(db(), { clock });
    await expect(approve(await only())).rejects.toThrow('Nothing in this bulletin is still open');
  });
});
