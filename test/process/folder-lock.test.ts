import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockFolder } from '../../src/process/folder-lock.ts';
import { ownIdentity, type ProcessIdentity } from '../../src/process/process-identity.ts';
import { ManualClock } from '../support/clock.ts';
import { startScript } from '../support/program.ts';
import { until } from '../support/wait.ts';

const clock = new ManualClock('2026-12-01T10:00:00.123Z');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'convenor-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A claim as another process would have left it. */
function leave(change: Partial<ProcessIdentity & { held: boolean }>): string {
  const file = path.join(folder, 'lock', 'left');
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(
    file,
    JSON.stringify({ ...ownIdentity(), since: '2026-11-30T09:00:00Z', held: true, ...change }),
  );
  return file;
}

describe('the lock of the data folder', () => {
  it('refuses a second holder and names the first with its start time', async () => {
    const lock = await lockFolder(folder, { clock });
    await expect(lockFolder(folder, { clock })).rejects.toMatchObject({
      code: 'data_folder_locked',
      message: expect.stringContaining(`process ${process.pid}, started 2026-12-01T10:00:00Z`) as string,
    });
    lock.release();
    (await lockFolder(folder, { clock })).release();
    expect(readdirSync(path.join(folder, 'lock'))).toEqual([]);
  });

  it('is taken over from a process that was killed', async () => {
    const holder = startScript('test/support/lock-holder.ts', [folder]);
    await until('it holds the lock', () => holder.output().includes('held'));
    await expect(lockFolder(folder, { clock })).rejects.toThrow(`process ${holder.pid}`);
    holder.kill('SIGKILL');
    await holder.exited;
    (await lockFolder(folder, { clock })).release();
  });

  it('is not held by a later process that got the number of a dead one', async () => {
    leave({ started: '1' });
    (await lockFolder(folder, { clock })).release();
  });

  it('is not held by a process from before the machine was started', async () => {
    leave({ boot: 'another boot' });
    (await lockFolder(folder, { clock })).release();
  });

  it.each([
    ['another machine', { host: 'elsewhere.example' }],
    ['another container', { namespace: 'pid:[1]' }],
  ])('is held from %s as long as that one shows signs of life', async (_, identity) => {
    const file = leave(identity);
    await expect(lockFolder(folder, { clock })).rejects.toMatchObject({ code: 'data_folder_locked' });
    const minuteAgo = Date.now() / 1_000 - 60;
    utimesSync(file, minuteAgo, minuteAgo);
    (await lockFolder(folder, { clock })).release();
  });

  it('says on which other machine the holder is', async () => {
    leave({ host: 'elsewhere.example', pid: 77 });
    await expect(lockFolder(folder, { clock })).rejects.toThrow('process 77 on elsewhere.example, started');
    expect(hostname()).not.toBe('elsewhere.example');
  });

  it(
    'goes to one of many processes that want it at once, also when a dead one held it',
    { timeout: 60_000 },
    async () => {
      leave({ started: '1' });
      const contenders = Array.from({ length: 6 }, () =>
        startScript('test/support/lock-holder.ts', [folder]),
      );
      await until(
        'each of them knows',
        () => contenders.every((contender) => /held|refused/.test(contender.output())),
        { within: 50_000 },
      );
      const outputs = contenders.map((contender) => contender.output().trim());
      for (const contender of contenders) contender.kill('SIGKILL');
      await Promise.all(contenders.map(({ exited }) => exited));
      expect(outputs.filter((output) => output === 'held')).toHaveLength(1);
      expect(outputs.filter((output) => output.startsWith('refused'))).toHaveLength(5);
      const [claim] = readdirSync(path.join(folder, 'lock'));
      expect(readFileSync(path.join(folder, 'lock', claim!), 'utf8')).toContain('"held":true');
    },
  );
});
