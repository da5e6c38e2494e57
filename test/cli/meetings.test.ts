import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { meetings, meetingSeries } from '../../src/db/schema.ts';
import { openTestCli, type TestCli } from './harness.ts';

const LINK = ['--link', 'https://zoom.us/j/123456789'];
const SERIES = ['--title', 'Monthly meeting', '--rule', 'FREQ=MONTHLY;BYDAY=1WE', '--time', '19:00'];
const REMINDERS = ['--remind', '7d@09:00', '--remind', '1d@09:00', '--remind', '1h'];
const ADD_SERIES = [
  'meetings',
  'series',
  'add',
  ...SERIES,
  '--zone',
  'Europe/London',
  '--duration',
  '60',
  ...LINK,
];
const WHEN = ['--start', '2026-12-02T19:00', '--zone', 'Europe/London', '--duration', '60'];
const ADD_MEETING = ['meetings', 'add', '--title', 'Social', ...WHEN, ...LINK, '--remind', '1h'];

let cli: TestCli;
beforeAll(async () => {
  cli = await openTestCli();
});
beforeEach(() => cli.reset());
afterAll(() => cli[Symbol.asyncDispose]());

async function addMeeting(): Promise<string> {
  return (await cli.run(...ADD_MEETING, '--json')).json<{ id: string }>().id;
}

describe('meetings series', () => {
  it('adds a series with its occurrences', async () => {
    const { status, json } = await cli.run(...ADD_SERIES, ...REMINDERS, '--json');
    expect(status).toBe(0);
    expect(json()).toMatchObject({
      title: 'Monthly meeting',
      rule: 'FREQ=MONTHLY;BYDAY=1WE',
      ruleInWords: 'first Wednesday of the month',
      time: '19:00',
      zone: 'Europe/London',
      duration: 60,
      remind: ['7d@09:00', '1d@09:00', '1h'],
      meetings: [
        { start: '2026-11-04T19:00:00Z', startLocal: '2026-11-04T19:00', status: 'scheduled' },
        { start: '2026-12-02T19:00:00Z' },
        { start: '2027-01-06T19:00:00Z' },
        { start: '2027-02-03T19:00:00Z' },
      ],
    });
    expect(cli.nudges()).toBe(1);
  });

  it('says in words when it meets', async () => {
    const { stdout } = await cli.run(...ADD_SERIES);
    expect(stdout).toContain('Added “Monthly meeting”, first Wednesday of the month, 7 pm (UK time)');
    expect(stdout).toContain('no reminder');
    expect(stdout).toContain('When (UK time)');
    expect(stdout).toContain('Wed 4 Nov 2026, 7 pm');
  });

  it('takes the group’s zone when none is given', async () => {
    await cli.run('settings', 'set', 'timeZone', 'Europe/Dublin');
    const argv = ['meetings', 'series', 'add', ...SERIES, '--duration', '60', ...LINK, '--json'];
    expect((await cli.run(...argv)).json()).toMatchObject({ zone: 'Europe/Dublin' });
  });

  it('changes only what an edit names, also by the end of its id', async () => {
    const { id } = (await cli.run(...ADD_SERIES, ...REMINDERS, '--json')).json<{ id: string }>();
    const edited = await cli.run('meetings', 'series', 'edit', id.slice(-8), '--time', '18:30', '--json');
    expect(edited.status).toBe(0);
    expect(edited.json()).toMatchObject({
      id,
      time: '18:30',
      title: 'Monthly meeting',
      remind: { length: 3 },
    });
    const listed = (await cli.run('meetings', 'list', '--json')).json<{ startLocal: string }[]>();
    expect(listed.map(({ startLocal }) => startLocal.slice(11))).toEqual([
      '18:30',
      '18:30',
      '18:30',
      '18:30',
    ]);
    const bare = await cli.run('meetings', 'series', 'edit', id, '--remind', 'none', '--json');
    expect(bare.json()).toMatchObject({ remind: [] });
  });

  it('archives a series and calls its meetings off', async () => {
    const { id } = (await cli.run(...ADD_SERIES, '--json')).json<{ id: string }>();
    expect((await cli.run('meetings', 'series', 'archive', id)).status).toBe(0);
    const [series] = (await cli.run('meetings', 'series', 'list', '--json')).json<{ archivedAt: string }[]>();
    expect(series).toMatchObject({ archivedAt: '2026-11-01T10:00:00Z', nextStart: null });
    expect((await cli.run('meetings', 'series', 'list')).stdout).toContain('archived');
  });

  it.each([
    [['--rule', 'FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31'], 'rule'],
    [['--rule', 'every month'], 'rule'],
    [['--time', '7 pm'], 'time'],
    [['--zone', 'Mars/Olympus'], 'zone'],
    [['--duration', '0'], 'duration'],
    [['--duration', 'long'], 'duration'],
    [['--link', 'zum'], 'link'],
    [['--title', ''], 'title'],
    [['--remind', 'soon'], 'remind'],
    [['--starts-on', '2027-02-31'], 'startsOn'],
    [['--starts-on', '2027-03-01', '--ends-on', '2027-02-01'], 'endsOn'],
    [['--topic', 'gossip'], 'topic'],
  ])('refuses %j, names the field and changes nothing', async (wrong, field) => {
    const { status, stdout, stderr } = await cli.run(...ADD_SERIES, ...wrong, '--json');
    expect(status).toBe(2);
    expect(stdout).toBe('');
    const { error } = JSON.parse(stderr) as { error: { code: string; problems: { field: string }[] } };
    expect(error.code).toBe('invalid_input');
    expect(error.problems.map((problem) => problem.field)).toContain(field);
    expect(await cli.database.db.select().from(meetingSeries)).toEqual([]);
    expect(cli.nudges()).toBe(0);
  });

  it('names every field that is missing', async () => {
    const { status, stderr } = await cli.run('meetings', 'series', 'add', '--json');
    expect(status).toBe(2);
    const { error } = JSON.parse(stderr) as { error: { problems: { field: string }[] } };
    expect(error.problems.map((problem) => problem.field).toSorted()).toEqual([
      'duration',
      'link',
      'rule',
      'time',
      'title',
    ]);
  });
});

describe('meetings', () => {
  it('adds, moves and cancels one, with a rising sequence and one UID', async () => {
    const added = (await cli.run(...ADD_MEETING, '--json')).json<{ id: string; uid: string }>();
    expect(added).toMatchObject({
      start: '2026-12-02T19:00:00Z',
      sequence: 0,
      status: 'scheduled',
      seriesId: null,
    });
    const moved = await cli.run('meetings', 'move', added.id, '--start', '2026-12-09T18:00', '--json');
    expect(moved.json()).toMatchObject({ uid: added.uid, start: '2026-12-09T18:00:00Z', sequence: 1 });
    const cancelled = await cli.run('meetings', 'cancel', added.id, '--reason', 'Snow.', '--json');
    expect(cancelled.json()).toMatchObject({
      uid: added.uid,
      status: 'cancelled',
      statusReason: 'Snow.',
      sequence: 2,
    });
    const again = await cli.run('meetings', 'cancel', added.id, '--json');
    expect(again.status).toBe(1);
    expect(JSON.parse(again.stderr)).toMatchObject({ error: { code: 'wrong_state' } });
  });

  it('lists the meetings of a span of days', async () => {
    const id = await addMeeting();
    const list = async (...span: string[]) =>
      (await cli.run('meetings', 'list', ...span, '--json'))
        .json<{ id: string }[]>()
        .map((meeting) => meeting.id);
    expect(await list()).toEqual([id]);
    expect(await list('--from', '2026-12-02', '--to', '2026-12-02')).toEqual([id]);
    expect(await list('--from', '2026-12-03')).toEqual([]);
    const wrong = await cli.run('meetings', 'list', '--from', '2026-12-03', '--to', '2026-12-02');
    expect(wrong.status).toBe(2);
    expect((await cli.run('meetings', 'list', '--from', '2026-02-30')).status).toBe(2);
  });

  it('asks for a decision about a bank holiday and takes it', async () => {
    const rule = ['--rule', 'FREQ=MONTHLY;BYMONTHDAY=25'];
    await cli.run(...ADD_SERIES, ...rule);
    const listed = await cli.run('meetings', 'list', '--from', '2026-12-25', '--to', '2026-12-25', '--json');
    const [christmas] = listed.json<{ id: string; status: string; statusReason: string }[]>();
    expect(christmas).toMatchObject({
      status: 'undecided',
      statusReason: expect.stringContaining('Christmas Day') as string,
    });
    expect((await cli.run('meetings', 'decide', christmas!.id, 'maybe')).status).toBe(2);
    expect((await cli.run('meetings', 'decide', christmas!.id, 'skip', '--json')).json()).toMatchObject({
      status: 'skipped',
    });
    expect((await cli.run('meetings', 'decide', christmas!.id, 'keep')).status).toBe(1);
  });

  it.each([
    [['--start', '2026-02-31T19:00'], 'start'],
    [['--start', '2026-12-02T19:00Z'], 'start'],
    [['--start', '2025-12-02T19:00'], 'start'],
    [['--start', '2027-03-28T01:30'], 'start'],
    [['--duration', '2000'], 'duration'],
  ])('refuses %j and changes nothing', async (wrong, field) => {
    const { status, stderr } = await cli.run(...ADD_MEETING, ...wrong, '--json');
    expect(status).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({ error: { problems: [{ field }] } });
    expect(await cli.database.db.select().from(meetings)).toEqual([]);
  });

  it.each([
    ['not-an-id', 2, 'invalid_input'],
    ['0000', 2, 'invalid_input'],
    ['00000000', 1, 'not_found'],
    ['00000000-0000-7000-8000-000000000000', 1, 'not_found'],
  ])('answers for the id %s with status %i', async (id, status, code) => {
    const ran = await cli.run('meetings', 'cancel', id, '--json');
    expect(ran.status).toBe(status);
    expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code } });
  });
});
