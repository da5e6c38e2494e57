import { within, type RedisClient } from './connection.ts';

/** One fact about the Redis in use, as `doctor` and the health page show it. */
export interface RedisFinding {
  readonly check: 'version' | 'eviction' | 'persistence';
  readonly state: 'ok' | 'warning' | 'problem';
  readonly detail: string;
  /** What to do about it; set unless the state is `ok`. */
  readonly advice?: string;
}

/** The oldest version whose commands the queue uses. */
const OLDEST = [6, 2] as const;

/**
 * Looks at version, eviction policy and persistence. Uses `INFO` alone, since managed services forbid `CONFIG`.
 *
 * @throws Error when Redis does not answer within five seconds.
 */
export async function checkRedis(client: RedisClient): Promise<RedisFinding[]> {
  return judge(parseInfo(await within(5_000, client.info())));
}

function parseInfo(text: string): Map<string, string> {
  const pairs = text.split(/\r?\n/).filter((line) => line.includes(':') && !line.startsWith('#'));
  return new Map(pairs.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

/** The findings that follow from the fields of `INFO`. */
export function judge(info: ReadonlyMap<string, string>): RedisFinding[] {
  return [judgeVersion(info), judgeEviction(info), judgePersistence(info)];
}

function judgeVersion(info: ReadonlyMap<string, string>): RedisFinding {
  const valkey = info.get('valkey_version');
  const version = info.get('redis_version') ?? '0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const detail = valkey === undefined ? `Redis ${version}` : `Valkey ${valkey}`;
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) {
    return { check: 'version', state: 'ok', detail };
  }
  return {
    check: 'version',
    state: 'problem',
    detail: `${detail} is too old: Convenor needs Redis ${OLDEST.join('.')} or newer, or Valkey.`,
    advice: 'Upgrade it, or unset REDIS_URL so that Convenor runs a private one.',
  };
}

function judgeEviction(info: ReadonlyMap<string, string>): RedisFinding {
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  if (policy === 'noeviction')
    return { check: 'eviction', state: 'ok', detail: 'maxmemory-policy is noeviction' };
  return {
    check: 'eviction',
    state: info.get('maxmemory') === '0' ? 'warning' : 'problem',
    detail: `maxmemory-policy is ${policy}: when memory runs short, Redis throws queued work away.`,
    advice: 'Set maxmemory-policy to noeviction (redis-cli CONFIG SET maxmemory-policy noeviction).',
  };
}

function judgePersistence(info: ReadonlyMap<string, string>): RedisFinding {
  if (info.get('aof_enabled') === '1') {
    const failing = info.get('aof_last_write_status') === 'err';
    if (!failing) return { check: 'persistence', state: 'ok', detail: 'AOF is on' };
    return {
      check: 'persistence',
      state: 'problem',
      detail: 'Redis cannot write its append-only file.',
      advice: 'Look at the disk of the Redis server: is it full or read-only?',
    };
  }
  return {
    check: 'persistence',
    state: 'warning',
    detail: 'AOF is off: after a restart Redis is empty. Nothing is lost, but queued work is built up again.',
    advice: 'Set appendonly yes in the configuration of Redis.',
  };
}
