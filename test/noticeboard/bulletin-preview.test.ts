import { describe, expect, it } from 'vitest';
import { previewBulletin, previewNextDraft } from '../../src/announcements/bulletins-content.ts';
import { bulletinItems } from '../../src/db/schema.ts';
import { readSettings } from '../../src/organisation/settings.ts';
import { DRAFTED, useBulletins } from './bulletin-board.ts';

const { clock, db, schedule, plan, post, all, only } = useBulletins();

describe('a preview', () => {
  const organiser = { name: '', email: '' };

  it('shows the next bulletin with what there is, and writes nothing', async () => {
    await post(1);
    const settings = await readSettings(db());
    const look = () =>
      previewBulletin(db(), 'vacancies', {
        clock,
        settings,
        baseUrl: 'https://x.example',
        organiser,
      });
    expect((await look()).model).toMatchObject({ date: '2027-06-01', count: 1 });
    await schedule({ introduction: 'Good luck.' });
    const { model, sendAt, zone } = await look();
    expect(model).toMatchObject({ date: '2027-06-07', count: 1, introduction: 'Good luck.' });
    expect([sendAt.toString(), zone]).toEqual(['2027-06-07T08:00:00Z', 'Europe/London']);
    expect(await all()).toEqual([]);
    expect(await db().select().from(bulletinItems)).toEqual([]);
  });

  it('shows the bulletin that is drafted and still to go out, and what is left for the one after it', async () => {
    await schedule();
    await post(1);
    clock.set(DRAFTED);
    await plan();
    const { id } = await only();
    const view = { clock, settings: await readSettings(db()), baseUrl: 'https://x.example', organiser };
    expect(await previewBulletin(db(), 'vacancies', view)).toMatchObject({
      drafted: { id },
      model: { date: '2027-06-07', count: 1 },
    });
    expect(await previewNextDraft(db(), 'vacancies', view)).toMatchObject({
      drafted: undefined,
      model: { date: '2027-07-05', count: 0 },
    });
  });
});
