import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './ports.ts';
import { testRedisProgram } from './redis.ts';
import { startTied, type TiedProcess } from './tied-process.ts';
import { until } from './wait.ts';

/** A service made of several Redis processes, as a provider runs it. */
export interface RedisService {
  /** What `REDIS_URL` says. */
  readonly url: string;
  /** What a process needs besides that to reach it. */
  readonly env: Readonly<Record<string, string>>;
  /** All keys that are in it. */
  keys(): Promise<string[]>;
  /** Ends the server that is written to, and waits until another one has taken its place. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

const NODE = '--bind 127.0.0.1 --save --appendonly yes --repl-diskless-sync-delay 0'.split(' ');
const QUORUM_NAME = 'convenor';

interface Node {
  readonly port: number;
  readonly client: Redis;
  kill(): Promise<void>;
}

/** Redis processes that share a folder and end together. */
class Nodes {
  readonly all: Node[] = [];
  readonly #program: string;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'convenor-redis-'));

  private constructor(program: string) {
    this.#program = program;
  }

  static async create(): Promise<Nodes> {
    return new Nodes(await testRedisProgram());
  }

  file(name: string, text = ''): string {
    const place = path.join(this.#folder, name);
    writeFileSync(place, text);
    return place;
  }

  async start(args: readonly string[], tls?: { ca: string }): Promise<Node> {
    const port = await freePort();
    const folder = mkdtempSync(path.join(this.#folder, 'node-'));
    const listen = tls ? ['--port', '0', '--tls-port', String(port)] : ['--port', String(port)];
    const place = args.includes('--sentinel') ? [] : ['--dir', folder];
    const server: TiedProcess = startTied([this.#program, ...args, ...listen, ...place], { cwd: folder });
    const client = new Redis({
      port,
      host: '127.0.0.1',
      retryStrategy: () => 50,
      maxRetriesPerRequest: null,
      ...(tls ? { tls: { ca: tls.ca } } : {}),
    });
    client.on('error', () => undefined);
    const node = {
      port,
      client,
      kill: async () => {
        const pid = /^process_id:(\d+)/m.exec(await client.info('server'))?.[1];
        client.disconnect();
        process.kill(Number(pid), 'SIGKILL');
        await server.stop();
      },
    };
    this.all.push(node);
    await until('the Redis answers', () => client.ping()).catch((error: unknown) => {
      throw new Error(server.output(), { cause: error });
    });
    return node;
  }

  async stop(): Promise<void> {
    for (const node of this.all) if (node.client.status !== 'end') await node.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A primary and a replica that a sentinel watches. */
export async function startSentinelService(): Promise<RedisService> {
  const nodes = await Nodes.create();
  const primary = await nodes.start(NODE);
  const replica = await nodes.start([...NODE, '--replicaof', '127.0.0.1', String(primary.port)]);
  await until('the replica follows', async () =>
    (await replica.client.info('replication')).includes('master_link_status:up'),
  );
  const watched = [
    `sentinel monitor ${QUORUM_NAME} 127.0.0.1 ${primary.port} 1`,
    `sentinel down-after-milliseconds ${QUORUM_NAME} 500`,
    `sentinel failover-timeout ${QUORUM_NAME} 5000`,
  ];
  const sentinel = await nodes.start([nodes.file('sentinel.conf', watched.join('\n')), '--sentinel']);
  await until('the sentinel knows the replica', async () => {
    const known = (await sentinel.client.call('SENTINEL', 'REPLICAS', QUORUM_NAME)) as unknown[];
    return known.length === 1;
  });
  return {
    url: `redis+sentinel://127.0.0.1:${sentinel.port}/${QUORUM_NAME}`,
    env: {},
    keys: () => replica.client.keys('*'),
    failOver: async () => {
      await primary.kill();
      await until('the replica has taken over', async () =>
        (await replica.client.info('replication')).includes('role:master'),
      );
    },
    stop: () => nodes.stop(),
  };
}

const SLOTS = 16_384;
const MASTERS = 3;

/** Three masters, and a replica of the one that holds our keys. */
export async function startClusterService(key: string): Promise<RedisService> {
  const nodes = await Nodes.create();
  const busPorts: number[] = [];
  for (let n = 0; n <= MASTERS; n++) {
    const bus = await freePort();
    busPorts.push(bus);
    const cluster = `--cluster-enabled yes --cluster-port ${bus} --cluster-node-timeout 1000`.split(' ');
    await nodes.start([...NODE, ...cluster]);
  }
  const [first] = nodes.all;
  const slot = Number(await first!.client.call('CLUSTER', 'KEYSLOT', key));
  const width = Math.ceil(SLOTS / MASTERS);
  for (let n = 0; n < MASTERS; n++) {
    const last = Math.min(SLOTS, (n + 1) * width) - 1;
    await nodes.all[n]!.client.call('CLUSTER', 'ADDSLOTSRANGE', n * width, last);
  }
  for (const [n, { port }] of nodes.all.entries())
    if (n > 0) await first!.client.call('CLUSTER', 'MEET', '127.0.0.1', port, busPorts[n]!);
  const owner = nodes.all[Math.floor(slot / width)]!;
  const replica = nodes.all[MASTERS]!;
  const allWell = async (at: Node) => {
    const info = String(await at.client.call('CLUSTER', 'INFO'));
    return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${MASTERS + 1}`);
  };
  for (const node of nodes.all) await until('the cluster is whole', () => allWell(node));
  const ownerId = String(await owner.client.call('CLUSTER', 'MYID'));
  await until('the replica knows whom to follow', () => replica.client.call('CLUSTER', 'REPLICATE', ownerId));
  await until('the replica follows', async () =>
    (await replica.client.info('replication')).includes('master_link_status:up'),
  );
  const others = nodes.all.filter((node) => node !== owner);
  return {
    url: `redis+cluster://${nodes.all
      .slice(0, MASTERS)
      .map(({ port }) => `127.0.0.1:${port}`)
      .join(',')}`,
    env: {},
    keys: async () => (await Promise.all(others.map(({ client }) => client.keys('*')))).flat(),
    failOver: async () => {
      await owner.kill();
      await until('the replica has taken over', async () =>
        (await replica.client.info('replication')).includes('role:master'),
      );
    },
    stop: () => nodes.stop(),
  };
}

/** Whether certificates can be made here, and the Redis of the suite speaks TLS. */
export async function canUseTls(): Promise<boolean> {
  if (spawnSync('openssl', ['version']).status !== 0) return false;
  const { stdout, stderr } = spawnSync(
    await testRedisProgram(),
    ['--tls-port', '0', '--port', '0', '--bogus', '1'],
    {
      encoding: 'utf8',
    },
  );
  return (stdout + stderr).includes('bogus');
}

/** One Redis that answers only over TLS, with a certificate of an authority of its own. */
export async function startTlsService(): Promise<RedisService> {
  const nodes = await Nodes.create();
  const key = nodes.file('key.pem');
  const certificate = nodes.file('certificate.pem');
  const wanted =
    '-x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1';
  execFileSync('openssl', ['req', ...wanted.split(' '), '-keyout', key, '-out', certificate], {
    stdio: 'pipe',
  });
  const tls = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-auth-clients', 'no'];
  const { port, client } = await nodes.start([...NODE, ...tls], { ca: readFileSync(certificate, 'utf8') });
  return {
    url: `rediss://localhost:${port}`,
    env: { NODE_EXTRA_CA_CERTS: certificate },
    keys: () => client.keys('*'),
    failOver: async () => {
      // A managed service that changes servers ends all connections.
      await client.call('CLIENT', 'KILL', 'TYPE', 'NORMAL');
      await client.call('CLIENT', 'KILL', 'TYPE', 'PUBSUB');
    },
    stop: () => nodes.stop(),
  };
}
