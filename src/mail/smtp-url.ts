import { ConvenorError } from '../kernel/errors.ts';

export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte, as on port 465. */
  readonly secure: boolean;
  readonly requireTLS: boolean;
  readonly ignoreTLS: boolean;
  readonly tls: { readonly rejectUnauthorized: boolean };
  /** The name that we greet the server with. */
  readonly name?: string;
  readonly auth?: { readonly user: string; readonly pass: string };
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);

/** Whether a host name of a URL means this machine. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.has(hostname);
}
const SWITCHES = ['requireTLS', 'ignoreTLS', 'tls.rejectUnauthorized'] as const;

function invalid(message: string): ConvenorError {
  return new ConvenorError('invalid_config', `SMTP_URL: ${message}`);
}

/**
 * Reads `smtp://user:password@host:port` or `smtps://…`. Default ports are 587 and 465. Parameters: `requireTLS`,
 * `ignoreTLS`, `tls.rejectUnauthorized` (each `true` or `false`) and `name`. With a password, TLS is required
 * unless the server is this machine or `requireTLS=false` says otherwise.
 *
 * @throws ConvenorError `invalid_config`, without the URL itself since it holds the password
 */
export function parseSmtpUrl(text: string): SmtpServer {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid('is not a URL; write it like smtps://user:password@smtp.example.org:465.');
  }
  if (url.protocol !== 'smtp:' && url.protocol !== 'smtps:')
    throw invalid('must begin with smtp:// or smtps://.');
  if (url.hostname === '') throw invalid('names no server.');
  const known: readonly string[] = [...SWITCHES, 'name'];
  for (const key of url.searchParams.keys()) {
    if (!known.includes(key))
      throw invalid(`does not know the parameter "${key}"; there are ${known.join(', ')}.`);
  }
  const flag = (key: (typeof SWITCHES)[number], fallback: boolean): boolean => {
    const value = url.searchParams.get(key);
    if (value !== null && value !== 'true' && value !== 'false')
      throw invalid(`${key} must be true or false.`);
    return value === null ? fallback : value === 'true';
  };
  const secure = url.protocol === 'smtps:';
  const hasAuth = url.username !== '';
  const name = url.searchParams.get('name');
  const ignoreTLS = flag('ignoreTLS', false);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    ignoreTLS,
    requireTLS: flag('requireTLS', hasAuth && !secure && !ignoreTLS && !isLoopback(url.hostname)),
    tls: { rejectUnauthorized: flag('tls.rejectUnauthorized', true) },
    ...(name === null ? {} : { name }),
    ...(hasAuth
      ? { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }
      : {}),
  };
}
