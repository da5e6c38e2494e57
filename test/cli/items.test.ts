import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { approved, confirmed } from '../noticeboard/handing-in.ts';
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
});
