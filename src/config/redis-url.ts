/** Where Redis is, as `REDIS_URL` says it. */
export type RedisLocation = {
  readonly username?: string;
  readonly password?: string;
  /** Number of the logical database; a cluster has only 0. */
  readonly database?: number;
  readonly tls: boolean;
} & (
  | { readonly kind: 'single'; readonly url: string }
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'sentinel'; readonly hosts: readonly RedisHost[]; readonly name: string }
  | { readonly kind: 'cluster'; readonly hosts: readonly RedisHost[] }
);

export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

const SHAPE =
  /^(?<scheme>redis|rediss|unix|rediss?\+sentinel|rediss?\+cluster):\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/?]*)(?<path>\/[^?]*)?(?:\?(?<query>.*))?$/;

/**
 * Reads a Redis address: `redis://` and `rediss://` (TLS) for one server, `unix:///path` for a socket,
 * `redis+sentinel://host:26379,host:26379/name` for a service that sentinels watch and
 * `redis+cluster://host:6379,host:6379` for a cluster (`rediss+…` with TLS). User and password may stand before
 * the hosts, percent-encoded.
 *
 * @returns `undefined` when it is none of these.
 */
export function parseRedisUrl(text: string): RedisLocation | undefined {
  const parts = SHAPE.exec(text)?.groups;
  if (!parts) return undefined;
  const { scheme = '', user, password, hosts: hostList = '', path = '' } = parts;
  const common = {
    tls: scheme.startsWith('rediss'),
    ...(user ? { username: decode(user) } : {}),
    ...(password ? { password: decode(password) } : {}),
  };
  if (scheme === 'unix')
    return path.length > 1 ? { ...common, kind: 'socket', path: decode(path) } : undefined;
  if (scheme === 'redis' || scheme === 'rediss') {
    return URL.canParse(text) && hostList !== '' ? { ...common, kind: 'single', url: text } : undefined;
  }
  const hosts = hostList
    .split(',')
    .map((host) => parseHost(host, scheme.endsWith('sentinel') ? 26_379 : 6_379));
  if (hosts.includes(undefined)) return undefined;
  const list = hosts as RedisHost[];
  if (scheme.endsWith('cluster'))
    return path.length <= 1 ? { ...common, kind: 'cluster', hosts: list } : undefined;
  const [, name = '', database = '0'] = path.split('/');
  if (name === '' || !/^\d+$/.test(database)) return undefined;
  return { ...common, kind: 'sentinel', hosts: list, name: decode(name), database: Number(database) };
}

function parseHost(text: string, defaultPort: number): RedisHost | undefined {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text);
  if (!match?.[1]) return undefined;
  return {
    host: match[1].replace(/^\[|\]$/g, ''),
    port: match[2] === undefined ? defaultPort : Number(match[2]),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
