import { z } from 'zod';
import { parseRedisUrl } from './redis-url.ts';

/** One option of the environment. `example` must be accepted by `schema`; a test checks that. */
interface Option<T> {
  readonly schema: z.ZodType<T, string | undefined>;
  readonly help: string;
  readonly example: string;
  /** How the default reads in the documentation, where there is one. */
  readonly fallback?: string;
  readonly secret?: true;
}

function option<T>(definition: Option<T>): Option<T> {
  return definition;
}

const optionalText = z.string().min(1, 'must not be empty').optional();

function url(...protocols: string[]) {
  return z.string().superRefine((value, context) => {
    const parsed = URL.canParse(value) ? new URL(value) : undefined;
    if (!parsed || !protocols.includes(parsed.protocol)) {
      context.addIssue({
        code: 'custom',
        message: `must be a URL that starts with ${protocols.map((p) => `${p}//`).join(' or ')}`,
      });
    }
  });
}

function wholeNumber(least: number, most: number) {
  const error = `must be a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d+$/, { error })
    .transform(Number)
    .pipe(z.number().min(least, { error }).max(most, { error }));
}

function webUrl(fallback: string) {
  return url('http:', 'https:')
    .default(fallback)
    .transform((value) => value.replace(/\/+$/, ''));
}

/** `Name <address>` or a bare address. */
const mailbox = z
  .string()
  .regex(/^(?:[^<>\r\n]*<[^\s<>@]+@[^\s<>@]+\.[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+\.[^\s<>@]+)$/, {
    error: 'must be an e-mail address, with or without a name',
  });

/**
 * Every option that Convenor reads from the environment, described once. The parser, `.env.example` and
 * `docs/configuration.md` are all made from this table. Each option may also be given as `NAME_FILE`, the
 * path of a file that holds the value (container secrets).
 */
export const OPTIONS = {
  PORT: option({
    schema: z
      .string()
      .default('3000')
      .pipe(z.string().regex(/^\d+$/, { error: 'must be a whole number' }))
      .transform(Number)
      .pipe(z.number().max(65_535, { error: 'must be a port number from 0 to 65535' })),
    help: 'Port of the web server.',
    example: '3000',
    fallback: '3000',
  }),
  HOST: option({
    schema: z.string().min(1).default('127.0.0.1'),
    help: 'Address that the web server listens on. Use 0.0.0.0 in a container or behind a proxy on another host.',
    example: '0.0.0.0',
    fallback: '127.0.0.1',
  }),
  BASE_URL: option({
    schema: url('http:', 'https:')
      .optional()
      .transform((value) => value?.replace(/\/+$/, '')),
    help: 'Public address of this server as people reach it. Every link in a mail begins with it.',
    example: 'https://network.example.org',
    fallback: 'http://localhost:PORT',
  }),
  DATA_DIR: option({
    schema: z.string().min(1).default('data'),
    help: 'Folder for the embedded database, the private Redis, the outbox and backups.',
    example: '/var/lib/convenor',
    fallback: 'data',
  }),
  DATABASE_URL: option({
    schema: url('postgres:', 'postgresql:').optional(),
    help: 'PostgreSQL database. Without it an embedded database in DATA_DIR is used, by one process.',
    example: 'postgres://convenor:password@localhost:5432/convenor',
    secret: true,
  }),
  REDIS_URL: option({
    schema: z
      .string()
      .refine((value) => parseRedisUrl(value) !== undefined, {
        error:
          'must be a URL that starts with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://',
      })
      .optional(),
    help:
      'Redis 6.2 or newer (or Valkey) for the job queues, with AOF and maxmemory-policy noeviction. ' +
      'Also redis+sentinel://host:26379,host:26379/name and redis+cluster://host:6379,host:6379 (rediss+… for TLS). ' +
      'Without it a private server is started in DATA_DIR.',
    example: 'redis://localhost:6379',
    secret: true,
  }),
  REDIS_SERVER_BIN: option({
    schema: optionalText,
    help: 'Program to use for the private Redis instead of the one that is found.',
    example: '/usr/bin/redis-server',
  }),
  SMTP_URL: option({
    schema: url('smtp:', 'smtps:').optional(),
    help: 'Mail server. Without it every mail is kept in the outbox and nothing is sent.',
    example: 'smtps://user:password@smtp.example.org:465',
    secret: true,
  }),
  MAIL_FROM: option({
    schema: mailbox.optional(),
    help: 'Sender of every mail. Required with SMTP_URL.',
    example: 'Network <network@example.org>',
    fallback: 'the organisation’s contact address',
  }),
  SMTP_CONNECTIONS: option({
    schema: wholeNumber(1, 50).default(5),
    help: 'Connections to the mail server that each worker keeps open at the same time.',
    example: '10',
    fallback: '5',
  }),
  SMTP_RATE: option({
    schema: wholeNumber(0, 100_000).optional(),
    help:
      'Most messages a second to the group, over all workers; 0 for no limit. Sending begins slowly and gets slower ' +
      'when the server asks for it.',
    example: '50',
    fallback: '10, and no limit with a mail server on this machine',
  }),
  SMTP_MESSAGES_PER_CONNECTION: option({
    schema: wholeNumber(1, 1_000_000).default(100),
    help: 'Messages after which a connection to the mail server is renewed; many providers close it after about 100.',
    example: '20',
    fallback: '100',
  }),
  SMTP_PIPELINING: option({
    schema: z
      .enum(['yes', 'no'], { error: 'must be yes or no' })
      .default('no')
      .transform((value) => value === 'yes'),
    help: 'Whether each message is announced before the one before it has been answered for, where the server offers that.',
    example: 'yes',
    fallback: 'no',
  }),
  DKIM_DOMAIN: option({
    schema: optionalText,
    help: 'Domain of the DKIM signature. Needs DKIM_SELECTOR and DKIM_PRIVATE_KEY.',
    example: 'example.org',
  }),
  DKIM_SELECTOR: option({
    schema: optionalText,
    help: 'Selector of the DKIM key.',
    example: 'convenor',
  }),
  DKIM_PRIVATE_KEY: option({
    schema: optionalText,
    help: 'RSA private key in PEM form that signs outgoing mail. Usually given as DKIM_PRIVATE_KEY_FILE.',
    example: '-----BEGIN PRIVATE KEY-----…',
    secret: true,
  }),
  DKIM_ED25519_SELECTOR: option({
    schema: optionalText,
    help: 'Selector of a second, Ed25519 key. Mails then carry both signatures; needs the RSA key as well.',
    example: 'convenor-ed',
  }),
  DKIM_ED25519_PRIVATE_KEY: option({
    schema: optionalText,
    help: 'Ed25519 private key in PEM form. Usually given as DKIM_ED25519_PRIVATE_KEY_FILE.',
    example: '-----BEGIN PRIVATE KEY-----…',
    secret: true,
  }),
  MAILERLITE_API_KEY: option({
    schema: optionalText,
    help: 'MailerLite API token. Without it the synchronisation is off.',
    example: 'eyJ0eXAiOiJKV1Qi…',
    secret: true,
  }),
  MAILERLITE_API_URL: option({
    schema: webUrl('https://connect.mailerlite.com'),
    help: 'Base address of the MailerLite API, without /api.',
    example: 'https://connect.mailerlite.com',
    fallback: 'https://connect.mailerlite.com',
  }),
  MAILERLITE_WEBHOOK_SECRET: option({
    schema: optionalText,
    help: 'Secret of the MailerLite webhook, when it was registered by hand.',
    example: '5Q1KSgqJ3c',
    secret: true,
  }),
  ZOOM_ACCOUNT_ID: option({
    schema: optionalText,
    help: 'Zoom Server-to-Server OAuth account. Without it the administrator pastes the meeting link.',
    example: 'abcDEF123',
  }),
  ZOOM_CLIENT_ID: option({ schema: optionalText, help: 'Zoom client id.', example: 'abcDEF123' }),
  ZOOM_CLIENT_SECRET: option({
    schema: optionalText,
    help: 'Zoom client secret.',
    example: 'abcDEF123',
    secret: true,
  }),
  ZOOM_API_URL: option({
    schema: webUrl('https://api.zoom.us/v2'),
    help: 'Base address of the Zoom API.',
    example: 'https://api.zoom.us/v2',
    fallback: 'https://api.zoom.us/v2',
  }),
  ZOOM_OAUTH_URL: option({
    schema: webUrl('https://zoom.us/oauth/token'),
    help: 'Address of Zoom’s token endpoint.',
    example: 'https://zoom.us/oauth/token',
    fallback: 'https://zoom.us/oauth/token',
  }),
  ZOOM_WEBHOOK_SECRET: option({
    schema: optionalText,
    help: 'Secret token of the Zoom event subscription.',
    example: 'abcDEF123',
    secret: true,
  }),
  PING_URL: option({
    schema: url('http:', 'https:').optional(),
    help: 'Address of an outside monitor that is asked for once a minute while everything is well, and only then: it raises the alarm when the requests stop.',
    example: 'https://hc-ping.com/your-check',
    secret: true,
  }),
  SECRET_KEY: option({
    schema: z.string().min(32, { error: 'must have at least 32 characters' }).optional(),
    help:
      'Key for sessions and signed links. Without it one is made and kept in DATA_DIR. ' +
      'Several processes must share it; a new one ends all sessions and breaks links in mails already sent.',
    example: '4f1c0d5f0f7f4a7a9c4bdf6b8a4d2e11',
    secret: true,
  }),
  LOG_LEVEL: option({
    schema: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
        error: 'must be one of trace, debug, info, warn, error, fatal, silent',
      })
      .default('info'),
    help: 'How much the program writes to its log (standard error).',
    example: 'info',
    fallback: 'info',
  }),
} as const;

export type OptionName = keyof typeof OPTIONS;
