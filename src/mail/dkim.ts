/** DKIM signatures (RFC 6376, RSA-SHA256). */
import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { ConvenorError } from '../kernel/errors.ts';

export interface DkimOptions {
  readonly domain: string;
  readonly selector: string;
  /** RSA, PEM (PKCS 1 or 8). A `\n` written out, as environment variables have it, is a line break. */
  readonly privateKey: string;
}

/**
 * What is signed, where present. Without `List-Unsubscribe-Post` among it mailbox providers do not offer the one-click
 * unsubscribe (RFC 8058 section 4).
 */
const SIGNED_HEADERS = [
  'from',
  'to',
  'reply-to',
  'subject',
  'date',
  'message-id',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
  'auto-submitted',
  'list-id',
  'list-post',
  'list-unsubscribe',
  'list-unsubscribe-post',
  'feedback-id',
];

/** Verifiers must not accept shorter keys (RFC 8301 section 3.2). */
const MINIMUM_BITS = 1024;

export interface DkimKeyCheck {
  readonly bits: number;
  /** The TXT record that the domain must publish. */
  readonly record: { readonly name: string; readonly value: string };
}

function invalid(message: string, cause?: unknown): ConvenorError {
  return new ConvenorError('invalid_config', message, { cause });
}

function readKey({ domain, selector, privateKey }: DkimOptions): KeyObject {
  if (!/^(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(domain)) {
    throw invalid(`DKIM_DOMAIN: "${domain}" is not a domain; write it like example.org.`);
  }
  if (!/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(selector)) {
    throw invalid(`DKIM_SELECTOR: "${selector}" is not a selector; write it like convenor.`);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(privateKey.replaceAll('\\n', '\n'));
  } catch {
    throw invalid(
      'DKIM_PRIVATE_KEY: this is not a private key in PEM form; it begins with -----BEGIN PRIVATE KEY----- and ' +
        'has no passphrase. `openssl genrsa 2048` makes one.',
    );
  }
  if (key.asymmetricKeyType !== 'rsa') {
    throw invalid(
      `DKIM_PRIVATE_KEY: this is a key of the kind ${key.asymmetricKeyType ?? 'unknown'}, and only RSA keys can ` +
        'sign here. `openssl genrsa 2048` makes one.',
    );
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MINIMUM_BITS) {
    throw invalid(`DKIM_PRIVATE_KEY: the key has ${bits} bits, and receivers want at least ${MINIMUM_BITS}.`);
  }
  return key;
}

/**
 * Whether mails can be signed with this key, and what the domain has to publish.
 *
 * @throws ConvenorError `invalid_config` naming the option at fault; the key itself is never in the message
 */
export function checkDkimKey(options: DkimOptions): DkimKeyCheck {
  const key = readKey(options);
  const published = createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64');
  return {
    bits: key.asymmetricKeyDetails!.modulusLength!,
    record: {
      name: `${options.selector}._domainkey.${options.domain}`,
      value: `v=DKIM1; k=rsa; p=${published}`,
    },
  };
}

/**
 * A function that puts a signature before a message. The key is read once, and the arithmetic is done in the thread
 * pool, so that other messages go on meanwhile.
 *
 * @throws ConvenorError `invalid_config` as `checkDkimKey` does
 */
export function createDkimSigner(options: DkimOptions): (raw: Buffer) => Promise<Buffer> {
  const key = readKey(options);
  const lead = `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=${options.domain};\r\n s=${options.selector};`;
  return async (raw) => {
    const message = raw.toString('latin1');
    const end = message.indexOf('\r\n\r\n') + 2;
    const present = signedHeaders(message.slice(0, end));
    const bodyHash = createHash('sha256')
      .update(relaxedBody(message.slice(end + 2)), 'latin1')
      .digest('base64');
    const names = present
      .map(({ name }) => name)
      .join(':')
      .replace(/((?:[^:]+:){4})(?=.)/g, '$1\r\n  ');
    const field = `${lead}\r\n h=${names};\r\n bh=${bodyHash};\r\n b=`;
    const signed = [
      ...present.map(({ field: own }) => `${relaxedHeader(own)}\r\n`),
      relaxedHeader(field),
    ].join('');
    const signature = await signWith('RSA-SHA256', Buffer.from(signed, 'latin1'), key);
    const folded = signature.toString('base64').replace(/.{72}(?=.)/g, '$&\r\n ');
    return Buffer.concat([Buffer.from(`${field}${folded}\r\n`, 'latin1'), raw]);
  };
}

const signWith = promisify(
  (algorithm: string, data: Buffer, key: KeyObject, done: (error: Error | null, signature: Buffer) => void) =>
    sign(algorithm, data, key, done),
);

/** The fields to be signed that the message has, of several of one name the last (RFC 6376 section 5.4.2). */
function signedHeaders(head: string): { name: string; field: string }[] {
  const fields = new Map<string, string>();
  for (const field of head.split(/\r\n(?![ \t])/)) {
    fields.set(field.slice(0, field.indexOf(':')).trim().toLowerCase(), field);
  }
  return SIGNED_HEADERS.flatMap((name) => {
    const field = fields.get(name);
    return field === undefined ? [] : [{ name, field }];
  });
}

/** RFC 6376 section 3.4.2. */
function relaxedHeader(field: string): string {
  const colon = field.indexOf(':');
  const value = field
    .slice(colon + 1)
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .replace(/^ | $/g, '');
  return `${field.slice(0, colon).trim().toLowerCase()}:${value}`;
}

/** RFC 6376 section 3.4.4. */
function relaxedBody(body: string): string {
  const lines = body.replace(/[ \t]+(?=\r\n)/g, '').replace(/[ \t]{2,}|\t/g, ' ');
  const text = lines.replace(/(?:\r\n)+$/, '');
  return text === '' ? '' : `${text}\r\n`;
}
