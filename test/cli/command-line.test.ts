/** Commands as they are typed, on a database that the first of them makes. */
import { describe, expect, it } from 'vitest';
import { useCommandLine } from './typed.ts';

const { run } = useCommandLine();

describe('convenor', { timeout: 180_000 }, () => {
  it('keeps what one command changed for the next, and prints nothing but the answer', async () => {
    expect(await run(['settings', 'set', 'quietHours', 'off'])).toEqual({
      stdout: 'quietHours is now off.\n',
      stderr: '',
      status: 0,
    });
    const { stdout, stderr } = await run(['settings', 'get', 'quietHours', '--json']);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ key: 'quietHours', value: 'off' });
  });

  it('lets several commands take their turns at one data folder', async () => {
    const names = ['ann', 'bo'];
    const added = await Promise.all(names.map((name) => run(['subscribers', 'add', `${name}@example.org`])));
    expect(added.map(({ status }) => status)).toEqual([0, 0]);
    const { stdout } = await run(['subscribers', 'list', '--json']);
    expect((JSON.parse(stdout) as { email: string }[]).map(({ email }) => email)).toEqual(
      names.map((name) => `${name}@example.org`),
    );
  });
});
