import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';

/** What a receiver finds out about a DKIM signature of a message (RFC 6376 section 6.1). */
export interface DkimVerdict {
  readonly bodyHashMatches: boolean;
  readonly signatureMatches: boolean;
  readonly tags: Readonly<Record<string, string>>;
  /** Names in `h=`, lower case. */
  readonly signedHeaders: readonly string[];
}

function splitMessage(raw: string): { headers: string[]; body: string } {
  const end = raw.indexOf('\r\n\r\n');
  const headers: string[] = [];
  for (const line of raw.slice(0, end).split('\r\n')) {
    if (/^[ \t]/.test(line)) headers[headers.length - 1] += `\r\n${line}`;
    else headers.push(line);
  }
  return { headers, body: raw.slice(end + 4) };
}

/** Section 3.4.2. */
function relaxedHeader(header: string): string {
  const colon = header.indexOf(':');
  const name = header.slice(0, colon).trim().toLowerCase();
  const value = header
    .slice(colon + 1)
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .trim();
  return `${name}:${value}`;
}

/** Section 3.4.4. */
function relaxedBody(body: string): string {
  const lines = body.split('\r\n').map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''));
  while (lines.length > 0 && lines.at(-1) === '') lines.pop();
  return lines.length === 0 ? '' : `${lines.join('\r\n')}\r\n`;
}

/**
 * Verifies the signature of the kind that the published TXT record is for, written from the RFCs and without the
 * signer's code.
 */
export function verifyDkim(raw: Buffer, txtRecord: string): DkimVerdict {
  const { headers, body } = splitMessage(raw.toString('latin1'));
  const algorithm = /k=(\w+)/.exec(txtRecord)?.[1] ?? 'rsa';
  const signature = headers.find(
    (header) => /^dkim-signature:/i.test(header) && header.includes(`a=${algorithm}-sha256`),
  );
  if (signature === undefined) throw new Error('the message carries no signature');
  const unfolded = signature.slice(signature.indexOf(':') + 1).replace(/\r\n/g, '');
  const tags = Object.fromEntries(
    unfolded
      .split(';')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== '')
      .map((tag) => [
        tag.slice(0, tag.indexOf('=')).trim(),
        tag.slice(tag.indexOf('=') + 1).replace(/\s+/g, ''),
      ]),
  );
  const bodyHash = createHash('sha256').update(relaxedBody(body), 'latin1').digest('base64');

  const signedHeaders = (tags['h'] ?? '').toLowerCase().split(':');
  const left = headers.filter((header) => header !== signature).toReversed();
  const signed = signedHeaders.map((name) => {
    const index = left.findIndex((header) => header.toLowerCase().startsWith(`${name}:`));
    return index < 0 ? '' : `${relaxedHeader(left.splice(index, 1)[0]!)}\r\n`;
  });
  const own = relaxedHeader(signature.replace(/([;\s]b=)[^;]*/, '$1'));
  const data = Buffer.from(`${signed.join('')}${own}`, 'latin1');
  const value = Buffer.from(tags['b'] ?? '', 'base64');
  const key = publicKeyOf(txtRecord, algorithm);
  return {
    bodyHashMatches: tags['bh'] === bodyHash,
    signatureMatches:
      algorithm === 'ed25519'
        ? // RFC 8463 section 3: what is signed is the hash.
          verify(null, createHash('sha256').update(data).digest(), key, value)
        : verify('RSA-SHA256', data, key, value),
    tags,
    signedHeaders,
  };
}

/** SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410). */
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

function publicKeyOf(txtRecord: string, algorithm: string): KeyObject {
  const bytes = Buffer.from(/p=([A-Za-z0-9+/=]+)/.exec(txtRecord)?.[1] ?? '', 'base64');
  const key = algorithm === 'ed25519' ? Buffer.concat([ED25519_PREFIX, bytes]) : bytes;
  return createPublicKey({ key, format: 'der', type: 'spki' });
}
