import type { Redis } from 'ioredis';
import type { Config } from '../config/load.ts';
import type { RedisLocation } from '../config/redis-url.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import type { SendingPace } from '../mail/pace.ts';
import { isLoopback } from '../mail/smtp-url.ts';
import type { MailerLiteClient } from '../mailerlite/client.ts';
import { connectRedis } from '../queue/connection.ts';
import { ConvenorError } from '../kernel/errors.ts';
import type { ZoomClient } from '../zoom/client.ts';
import { ZoomError } from '../zoom/errors.ts';
import type { Closers } from './closers.ts';

/** The services of others that are configured. */
export interface Edges {
  readonly mailerlite?: MailerLiteClient;
  readonly zoom?: ZoomClient;
  readonly sendingPace?: SendingPace;
}

/** Opens them. Their rate limits and tokens are shared with all processes through Redis. */
export async function openEdges(
  config: Config,
  redis: RedisLocation,
  { clock, log, closers }: { clock: Clock; log: Log; closers: Closers },
): Promise<Edges> {
  const { MAILERLITE_API_KEY: key, ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID, ZOOM_CLIENT_SECRET } = config;
  const account =
    ZOOM_ACCOUNT_ID !== undefined && ZOOM_CLIENT_ID !== undefined && ZOOM_CLIENT_SECRET !== undefined
      ? { accountId: ZOOM_ACCOUNT_ID, clientId: ZOOM_CLIENT_ID, clientSecret: ZOOM_CLIENT_SECRET }
      : undefined;
  const rate = sendingRate(config);
  if (key === undefined && account === undefined && rate === 0) return {};
  // A cluster answers to the same commands.
  const shared = connectRedis(redis, 'edges', { impatient: true }) as Redis;
  shared.on('error', (error) => log.debug({ err: error }, 'redis error'));
  closers.add('shared limits', () => shared.disconnect());
  return {
    ...(key === undefined ? {} : { mailerlite: await openMailerLite(key, config, shared, log) }),
    ...(account === undefined ? {} : { zoom: await openZoom(account, config, shared, clock) }),
    ...(rate === 0 ? {} : { sendingPace: await openPace(shared, rate) }),
  };
}

/** What a small account at a mail provider bears. A server on this machine queues for itself. */
const DEFAULT_RATE = 10;

/** Messages a second; 0 for no limit. */
function sendingRate({ SMTP_URL, SMTP_RATE }: Config): number {
  if (SMTP_URL === undefined) return 0;
  return SMTP_RATE ?? (isLoopback(new URL(SMTP_URL).hostname) ? 0 : DEFAULT_RATE);
}

async function openPace(redis: Redis, rate: number): Promise<SendingPace> {
  const { createSendingPace } = await import('../mail/pace.ts');
  return createSendingPace(redis, rate);
}

async function openMailerLite(
  apiKey: string,
  config: Config,
  redis: Redis,
  log: Log,
): Promise<MailerLiteClient> {
  const [{ createMailerLiteClient }, { createRedisPace }] = await Promise.all([
    import('../mailerlite/client.ts'),
    import('../mailerlite/pacing-redis.ts'),
  ]);
  return createMailerLiteClient({
    apiKey,
    baseUrl: config.MAILERLITE_API_URL,
    pace: createRedisPace(redis),
    log,
  });
}

async function openZoom(
  credentials: { accountId: string; clientId: string; clientSecret: string },
  config: Config,
  redis: Redis,
  clock: Clock,
): Promise<ZoomClient> {
  const [{ createZoomClient }, { createRedisTokenCache }] = await Promise.all([
    import('../zoom/client.ts'),
    import('../zoom/token-cache.ts'),
  ]);
  return createZoomClient({
    account: { ...credentials, apiUrl: config.ZOOM_API_URL, oauthUrl: config.ZOOM_OAUTH_URL },
    tokens: createRedisTokenCache(redis, credentials),
    clock,
  });
}

/**
 * Asks Zoom for the link by which a host starts a meeting, for the web.
 *
 * @throws ConvenorError `unavailable` with Zoom's reason.
 */
export function startLinkOf(zoom: ZoomClient): (zoomId: string) => Promise<string> {
  return async (zoomId) => {
    try {
      return await zoom.getStartLink(zoomId);
    } catch (error) {
      if (!(error instanceof ZoomError)) throw error;
      throw new ConvenorError('unavailable', `Zoom gives no link: ${error.message}`, { cause: error });
    }
  };
}
