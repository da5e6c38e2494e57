import { pino, type DestinationStream, type Logger } from 'pino';

export type Log = Logger;

/** Keys whose values never reach a log line, at any of the depths that our records have. */
const SECRET_KEYS = [
  'password',
  'secret',
  'token',
  'authorization',
  'cookie',
  'apiKey',
  'api_key',
  'email',
  'address',
  'start_url',
  'join_url',
];

/** Addresses in free text (an SMTP reply quotes the recipient) are cut to their domain. */
const ADDRESS = /[^\s<>"'(),:;@]{1,64}@([\w.-]{1,253})/g;

/** Text that came from outside, made fit for a log line or a stored reason: addresses keep only their domain. */
export function withoutAddresses(text: string): string {
  return text.replace(ADDRESS, '…@$1');
}

/**
 * The program's log: one JSON object per line on standard error. Secrets and addresses are removed by key;
 * `err` objects are reduced to name, code, message and stack, since errors of HTTP clients carry credentials.
 */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    redact: {
      paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]),
      censor: '[removed]',
    },
    serializers: { err: serialiseError },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return pino(options, destination ?? pino.destination({ dest: 2, sync: true }));
}

function serialiseError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: withoutAddresses(String(error)) };
  const code = (error as { code?: unknown }).code;
  return {
    name: error.name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    message: withoutAddresses(error.message),
    ...(error.stack === undefined ? {} : { stack: withoutAddresses(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: serialiseError(error.cause) }),
  };
}
