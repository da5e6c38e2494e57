import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { planBulletins } from '../../src/announcements/bulletins.ts';
import { saveBulletinSchedule } from '../../src/announcements/bulletins-changes.ts';
import { parseBulletinSchedule } from '../../src/announcements/bulletins-schedules.ts';
import { approved, confirmed } from '../noticeboard/handing-in.ts';
import { addPeople, planning } from '../support/meetings.ts';
import { openTestCli, type TestCli } from './harness.ts';

let cli: TestCli;
beforeAll(async () => {
  cli = await openTestCli();
});
beforeEach(() => cli.reset('2027-06-01T12:00:00Z'));
afterAll(() => cli[Symbol.asyncDispose]());

interface Listed {
  id: string;
  title: string;
  state: string;
  duplicateOf: string | null;
}

describe('items', () => {
  it('lists what waits, shows one, and approves and rejects each once', async () => {
    const { database, clock } = cli;
    expect((await cli.run('items', 'list')).stdout).toBe('No item waits for a decision.\n');
    const first = await confirmed(database.db, clock, 'vacancy');
    clock.advance({ hours: 1 });
    const repeat = await confirmed(
      database.db,
      clock,
      'vacancy',
      { role: 'OT Band 6' },
      'agency@example.org',
    );
    const list = (await cli.run('items', 'list', '--json')).json<Listed[]>();
    expect(list.map(({ id, duplicateOf }) => [id, duplicateOf])).toEqual([
      [repeat.id, first.id],
      [first.id, null],
    ]);
    expect((await cli.run('items', 'list')).stdout).toMatch(
      /OT Band 6 .*waits for a decision, perhaps a repeat/,
    );
    const shown = await cli.run('items', 'show', repeat.id.slice(-8));
    expect(shown.stdout).toMatch(/Handed in by +Sam Example, agency@example\.org\n/);
    expect(shown.stdout).toContain(`Occupational therapist, Band 6 (${first.id.slice(-8)})`);

    const noTerms = await cli.run('items', 'approve', first.id);
    expect(noTerms.status).toBe(2);
    expect(noTerms.stderr).toContain('must say on what terms it is published');
    await cli.run('settings', 'set', 'vacancyTerms', 'Our introduction fee applies.');
    const unaccepted = await cli.run('items', 'approve', first.id, '--terms', 'Free.');
    expect(unaccepted.status).toBe(2);
    expect(unaccepted.stderr).toContain('accepted the terms of business');
    const done = await cli.run(
      'items',
      'approve',
      first.id,
      '--terms',
      'Free.',
      '--accepted',
      'by e-mail',
      '--json',
    );
    expect(done.json()).toMatchObject({
      state: 'approved',
      agreement: { by: 'cli', terms: 'Free.', at: '2027-06-01T13:00:00Z' },
      termsOfBusiness: { how: 'by e-mail' },
      url: `https://network.example.org/noticeboard/${first.id}`,
    });
    expect((await cli.run('items', 'reject', repeat.id, '--reason', 'It is there already.')).stdout).toBe(
      '“OT Band 6” is turned down.\n',
    );
    expect((await cli.run('items', 'reject', repeat.id, '--reason', 'Again.')).status).toBe(1);
    expect((await cli.run('items', 'show', repeat.id, '--json')).json()).toMatchObject({
      state: 'rejected',
      stateReason: 'It is there already.',
      submitter: { email: 'agency@example.org' },
    });
    const open = (await cli.run('items', 'list', 'hospital', '--open', '--json')).json<Listed[]>();
    expect(open.map(({ id }) => id)).toEqual([first.id]);
    expect((await cli.run('items', 'list', '--all', '--kind', 'trainig')).stderr).toContain(
      'did you mean training?',
    );
    expect((await cli.run('items', 'list', '--all', '--json')).json()).toHaveLength(2);
  });
});

describe('bulletin preview', () => {
  it('shows what the next one would be, in text, as data and in files', async () => {
    expect((await cli.run('bulletin', 'preview', 'training')).stdout).toContain(
      'There is no schedule for it, so it does not go out. There is nothing to put in it',
    );
    await approved(cli.database.db, cli.clock, 'training');
    const preview = await cli.run('bulletin', 'preview', 'training', '--out', 'preview', '--json');
    expect(preview.json()).toMatchObject({
      topic: 'training',
      sendAt: null,
      count: 1,
      groups: [{ heading: 'June 2027', items: [{ title: 'Splinting the wrist' }] }],
      whatsapp: expect.stringContaining('Splinting the wrist') as string,
    });
    const html = readFileSync(path.join(cli.folder, 'preview', 'training-bulletin.html'), 'utf8');
    expect(html).toContain('Splinting the wrist');
    expect((await cli.run('bulletin', 'preview', 'vacancie')).stderr).toContain('did you mean vacancies?');
  });

  it('shows the one that is drafted, which can be looked at and approved', async () => {
    const { db } = cli.database;
    await addPeople(db, cli.clock, 3, 'training');
    await approved(db, cli.clock, 'training');
    const schedule = {
      topic: 'training',
      rule: 'FREQ=MONTHLY;BYDAY=1MO',
      time: '09:00',
      zone: 'Europe/London',
      approval: 'wait',
    };
    const today = cli.clock.now().toZonedDateTimeISO('Europe/London').toPlainDate();
    await saveBulletinSchedule(db, parseBulletinSchedule(schedule, today), planning(cli.clock));
    cli.clock.set('2027-06-05T08:00:00Z');
    await planBulletins(db, planning(cli.clock));
    const seen = (await cli.run('bulletin', 'preview', 'training', '--json')).json<{
      announcement: string;
    }>();
    expect(seen).toMatchObject({ count: 1, state: 'awaiting_approval', sendAt: '2027-06-07T08:00:00Z' });
    const { announcement: id } = seen;
    expect((await cli.run('bulletin', 'preview', 'training')).stdout).toContain('convenor approve');
    const shown = await cli.run('preview', id, '--out', 'drafted', '--json');
    expect(shown.stderr).toBe('');
    const { files } = shown.json<{ files: Record<string, string> }>();
    expect(Object.keys(files)).toEqual(['html', 'txt', 'eml', 'whatsapp.txt', 'page.html']);
    const no = await cli.runAtTerminal({ answers: ['no'] }, 'approve', id);
    expect([no.status, no.asked[0]!.message]).toEqual([
      1,
      'Send “Training bulletin: Monday 7 June 2027” to 3 people by smtp on Monday 7 June 2027, 9 am (UK time)?',
    ]);
    const yes = await cli.run('approve', id, '--json');
    expect(yes.json()).toMatchObject({ state: 'approved', audience: 3, sendAt: '2027-06-07T08:00:00Z' });
    const again = await cli.run('approve', id);
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('does not wait for approval')]);
  });
});
