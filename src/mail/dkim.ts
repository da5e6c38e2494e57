/** DKIM signatures (RFC 6376, RSA-SHA256). */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import DKIM from 'nodemailer/lib/dkim';
import { ConvenorError } from '../kernel/errors.ts';

export interface DkimOptions {
  readonly domain: string;
  readonly selector: string;
  /** RSA, PEM (PKCS 1 or 8). A `\n` written out, as environment variables have it, is a line break. */
  readonly privateKey: string;
}

/**
 * What is signed, where present. The default list of the library leaves out `List-Unsubscribe-Post`, without which
 * mailbox providers do not offer the one-click unsubscribe (RFC 8058 section 4).
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
].join(':');

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
 * A function that puts a signature before a message. The key is read once.
 *
 * @throws ConvenorError `invalid_config` as `checkDkimKey` does
 */
export function createDkimSigner(options: DkimOptions): (raw: Buffer) => Promise<Buffer> {
  const dkim = new DKIM({
    keys: [{ domainName: options.domain, keySelector: options.selector, privateKey: readKey(options) }],
    headerFieldNames: SIGNED_HEADERS,
  });
  return async (raw) => {
    const signed = Buffer.concat(await dkim.sign(raw).toArray());
    // The library leaves a signature out without a word when the key fails it; that mail must not go out.
    if (!signed.subarray(0, 15).equals(Buffer.from('DKIM-Signature:'))) {
      throw new ConvenorError('internal', 'The mail could not be signed with the DKIM key.');
    }
    return signed;
  };
}
