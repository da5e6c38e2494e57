/** What a command does as a process, whatever its database. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { useCommandLine } from './typed.ts';

const { convenor, folder, run } = useCommandLine();

describe('convenor', { timeout: 180_000 }, () => {
  it('ends with 2 for wrong usage and a wrong configuration, and with 1 for what is refused', async () => {
    const unknown = '00000000-0000-7000-8000-000000000000';
    const [usage, configuration, refused] = await Promise.all([
      run(['setings', '--json']),
      run(['settings', 'list', '--json'], { PORT: 'many' }),
      run(['deliveries', unknown, '--json']),
    ]);
    expect([usage.status, configuration.status, refused.status]).toEqual([2, 2, 1]);
    expect(JSON.parse(usage.stderr)).toMatchObject({ error: { code: 'invalid_input' } });
    expect(JSON.parse(configuration.stderr)).toMatchObject({
      error: { code: 'invalid_config', problems: [{ field: 'PORT' }] },
    });
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: 'not_found' } });
  });

  it('plans the same under every process time zone', async () => {
    const series = ['meetings', 'series', 'add', '--title', 'Monthly', '--rule', 'FREQ=MONTHLY;BYDAY=-1SU'];
    const details = [
      '--time',
      '01:30',
      '--duration',
      '60',
      '--link',
      'https://zoom.us/j/1',
      '--remind',
      '1d@02:30',
    ];
    expect((await run([...series, ...details, '--remind', '1h'])).status).toBe(0);
    const plans = [];
    for (const TZ of ['UTC', 'Europe/London', 'America/New_York']) {
      plans.push(await run(['plan', '--from', '2027-01-01', '--to', '2030-12-31', '--json'], { TZ }));
    }
    expect(JSON.parse(plans[0]!.stdout)).toHaveLength(96);
    expect(plans[1]).toEqual(plans[0]);
    expect(plans[2]).toEqual(plans[0]);
  });

  it('does not mind a reader who has seen enough', async () => {
    const lines = Array.from({ length: 3_000 }, (_, n) => `person${n}@example.org\n`);
    writeFileSync(path.join(folder(), 'people.csv'), `email\n${lines.join('')}`);
    expect((await run(['subscribers', 'import', 'people.csv'])).status).toBe(0);
    const child = convenor(['subscribers', 'list', '--json']);
    child.stdout.once('data', () => child.stdout.destroy());
    const status = new Promise((resolve) => child.once('close', resolve));
    expect(await text(child.stderr)).toBe('');
    expect(await status).toBe(0);
  });
});
