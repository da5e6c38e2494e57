import { describe, expect, it } from 'vitest';
import { judge } from '../../src/queue/checks.ts';

const good = {
  redis_version: '7.0.15',
  maxmemory: '0',
  maxmemory_policy: 'noeviction',
  aof_enabled: '1',
  aof_last_write_status: 'ok',
};

function states(change: Record<string, string>): Record<string, string> {
  const findings = judge(new Map(Object.entries({ ...good, ...change })));
  for (const finding of findings) expect(finding.advice === undefined).toBe(finding.state === 'ok');
  return Object.fromEntries(findings.map(({ check, state }) => [check, state]));
}

describe('judge', () => {
  it('finds nothing wrong with a Redis set up as it should be', () => {
    expect(states({})).toEqual({ version: 'ok', eviction: 'ok', persistence: 'ok' });
  });

  it.each([
    ['6.0.16', 'problem'],
    ['5.0.14', 'problem'],
    ['6.2.0', 'ok'],
    ['10.0.1', 'ok'],
  ])('judges version %s: %s', (version, state) => {
    expect(states({ redis_version: version })).toMatchObject({ version: state });
  });

  it('knows Valkey by its own version', () => {
    const [version] = judge(
      new Map(Object.entries({ ...good, redis_version: '7.2.4', valkey_version: '8.1.0' })),
    );
    expect(version).toEqual({ check: 'version', state: 'ok', detail: 'Valkey 8.1.0' });
  });

  it('objects to eviction, most of all when memory has a limit', () => {
    expect(states({ maxmemory_policy: 'allkeys-lru' })).toMatchObject({ eviction: 'warning' });
    expect(states({ maxmemory_policy: 'volatile-lru', maxmemory: '1000000' })).toMatchObject({
      eviction: 'problem',
    });
  });

  it('objects to a Redis that forgets, and more to one that cannot write', () => {
    expect(states({ aof_enabled: '0' })).toMatchObject({ persistence: 'warning' });
    expect(states({ aof_last_write_status: 'err' })).toMatchObject({ persistence: 'problem' });
  });
});
