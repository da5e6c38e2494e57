/** DKIM signatures (RFC 6376): RSA-SHA256, and Ed25519-SHA256 (RFC 8463) beside it. */
import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { ConvenorError } from '../kernel/errors.ts';
import { messageSpace } from './wire.ts';

export interface DkimOptions {
  readonly domain: string;
  readonly selector: string;
  /** PEM (PKCS 1 or 8). A `\n` written out, as environment variables have it, is a line break. */
  readonly privateKey: string;
  /** What kind of key it is; `rsa`. Large receivers do not verify `ed25519` yet: it goes beside RSA, not in its place. */
  readonly algorithm?: 'rsa' | 'ed25519';
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
  /** 256 of an Ed25519 key. */
  readonly bits: number;
  /** The TXT record that the domain must publish. */
  readonly record: { readonly name: string; readonly value: string };
}

function invalid(message: string, cause?: unknown): ConvenorError {
  return new ConvenorError('invalid_config', message, { cause });
}

/** How to make a key of each kind. */
const RECIPES = { rsa: '`openssl genrsa 2048`', ed25519: '`openssl genpkey -algorithm ed25519`' } as const;

const NAMES = { rsa: 'RSA', ed25519: 'Ed25519' } as const;

function readKey({ domain, selector, privateKey, algorithm = 'rsa' }: DkimOptions): KeyObject {
  const options = algorithm === 'rsa' ? 'DKIM' : 'DKIM_ED25519';
  const recipe = `${RECIPES[algorithm]} makes one.`;
  if (!/^(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(domain)) {
    throw invalid(`DKIM_DOMAIN: "${domain}" is not a domain; write it like example.org.`);
  }
  if (!/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(selector)) {
    throw invalid(`${options}_SELECTOR: "${selector}" is not a selector; write it like convenor.`);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(privateKey.replaceAll('\\n', '\n'));
  } catch {
    throw invalid(
      `${options}_PRIVATE_KEY: this is not a private key in PEM form; it begins with -----BEGIN PRIVATE KEY----- and ` +
        `has no passphrase. ${recipe}`,
    );
  }
  if (key.asymmetricKeyType !== algorithm) {
    throw invalid(
      `${options}_PRIVATE_KEY: this is a key of the kind ${key.asymmetricKeyType ?? 'unknown'}, and only ` +
        `${NAMES[algorithm]} keys can sign here. ${recipe}`,
    );
  }
  if (algorithm === 'rsa' && bitsOf(key) < MINIMUM_BITS) {
    throw invalid(
      `${options}_PRIVATE_KEY: the key has ${bitsOf(key)} bits, and receivers want at least ${MINIMUM_BITS}.`,
    );
  }
  return key;
}

function bitsOf(key: KeyObject): number {
  return key.asymmetricKeyType === 'ed25519' ? 256 : (key.asymmetricKeyDetails?.modulusLength ?? 0);
}

/** The key as a domain publishes it: of Ed25519 the bare 32 bytes (RFC 8463 section 4). */
function publishedKey(key: KeyObject): string {
  const der = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return (key.asymmetricKeyType === 'ed25519' ? der.subarray(-32) : der).toString('base64');
}

/**
 * Whether mails can be signed with this key, and what the domain has to publish.
 *
 * @throws ConvenorError `invalid_config` naming the option at fault; the key itself is never in the message
 */
export function checkDkimKey(options: DkimOptions): DkimKeyCheck {
  const key = readKey(options);
  return {
    bits: bitsOf(key),
    record: {
      name: `${options.selector}._domainkey.${options.domain}`,
      value: `v=DKIM1; k=${options.algorithm ?? 'rsa'}; p=${publishedKey(key)}`,
    },
  };
}

/**
 * A function that puts a signature with each key before a message, the first one first. The keys are read once, and the
 * arithmetic is done in the thread pool, so that other messages go on meanwhile.
 *
 * @throws ConvenorError `invalid_config` as `checkDkimKey` does
 */
export function createDkimSigner(...keys: readonly DkimOptions[]): (raw: Buffer) => Promise<Buffer> {
  const signers = keys.map((options) => {
    const { domain, selector, algorithm = 'rsa' } = options;
    const lead = `DKIM-Signature: v=1; a=${algorithm}-sha256; c=relaxed/relaxed; d=${domain};\r\n s=${selector};`;
    return { lead, key: readKey(options) };
  });
  return async (raw) => {
    const end = raw.indexOf('\r\n\r\n') + 2;
    const present = signedHeaders(raw.toString('latin1', 0, end));
    const bodyHash = hashOfBody(raw.subarray(end + 2));
    const names = present
      .map(({ name }) => name)
      .join(':')
      .replace(/((?:[^:]+:){4})(?=.)/g, '$1\r\n  ');
    const relaxed = present.map(({ field }) => `${relaxedHeader(field)}\r\n`).join('');
    const fields = await Promise.all(
      signers.map(async ({ lead, key }) => {
        const field = `${lead}\r\n h=${names};\r\n bh=${bodyHash};\r\n b=`;
        const signature = await signatureOf(Buffer.from(`${relaxed}${relaxedHeader(field)}`, 'latin1'), key);
        return `${field}${signature.toString('base64').replace(/.{72}(?=.)/g, '$&\r\n ')}\r\n`;
      }),
    );
    const head = fields.join('');
    const signed = messageSpace(head.length + raw.length);
    signed.set(raw, signed.write(head, 'latin1'));
    return signed;
  };
}

/** Ed25519 signs the hash of what RSA-SHA256 signs (RFC 8463 section 3). */
function signatureOf(data: Buffer, key: KeyObject): Promise<Buffer> {
  if (key.asymmetricKeyType === 'ed25519')
    return signWith(null, createHash('sha256').update(data).digest(), key);
  return signWith('RSA-SHA256', data, key);
}

const signWith = promisify(
  (
    algorithm: string | null,
    data: Buffer,
    key: KeyObject,
    done: (error: Error | null, signature: Buffer) => void,
  ) => sign(algorithm, data, key, done),
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

/** RFC 6376 section 3.7: the hash of the body in its relaxed form, in base64. */
function hashOfBody(body: Buffer): string {
  const hash = createHash('sha256');
  const ordinary =
    body[0] !== 0x0d && body.subarray(-2).equals(LINE_END) && !body.includes(' \r\n') && !body.includes('\t');
  if (!ordinary) return hash.update(relaxedBody(body.toString('latin1')), 'latin1').digest('base64');
  // The bodies that we make differ from their relaxed form in a few double spaces, and need not be copied for these.
  let end = body.length;
  while (body.subarray(end - 4, end - 2).equals(LINE_END)) end -= 2;
  let from = 0;
  for (let at = body.indexOf('  '); at >= 0; at = body.indexOf('  ', from)) {
    hash.update(body.subarray(from, at + 1));
    from = at + 2;
    while (body[from] === 0x20) from++;
  }
  return hash.update(body.subarray(from, end)).digest('base64');
}

const LINE_END = Buffer.from('\r\n');

/** RFC 6376 section 3.4.4. */
function relaxedBody(body: string): string {
  const lines = body.replace(/[ \t]+(?=\r\n|$)/g, '').replace(/[ \t]{2,}|\t/g, ' ');
  const text = lines.replace(/(?:\r\n)+$/, '');
  return text === '' ? '' : `${text}\r\n`;
}
