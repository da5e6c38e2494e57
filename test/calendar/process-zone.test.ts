import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('./zone-digest.ts', import.meta.url));

async function calendarUnder(zone: string | undefined): Promise<string> {
  const { TZ: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', SCRIPT], {
    env: zone === undefined ? env : { ...env, TZ: zone },
    maxBuffer: 32 * 1024 * 1024,
  });
  return stdout;
}

describe('the time zone of the process', () => {
  it('changes nothing that the calendar says', async () => {
    const utc = await calendarUnder('UTC');
    expect(utc).toContain('DTSTART:20270602T180000Z');
    expect(utc).toContain('zone data in order');
    expect(utc.split('\n').length).toBeGreaterThan(2_000);
    for (const zone of ['Europe/London', 'America/New_York', undefined]) {
      expect((await calendarUnder(zone)) === utc, `differs under TZ=${zone ?? 'unset'}`).toBe(true);
    }
  }, 60_000);
});
