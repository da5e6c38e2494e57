import { createHash, randomBytes } from 'node:crypto';

let lastMillisecond = 0;
let counter = 0;

/**
 * A new UUID version 7 (RFC 9562 section 5.7): unique, and rising with the instant it is made at, so that rows sort
 * by age. Within a millisecond a counter with a random start keeps the order of making (section 6.2, method 1).
 */
export function newId(now: Temporal.Instant): string {
  const bytes = randomBytes(16);
  const millisecond = now.epochMilliseconds;
  // Half of the counter's range is left for the ids that follow in the same millisecond.
  counter = millisecond === lastMillisecond ? counter + 1 : bytes.readUInt32BE(6) & 0x1ff_ffff;
  lastMillisecond = millisecond;
  bytes.writeUIntBE(millisecond, 0, 6);
  bytes.writeUInt16BE(0x7000 | ((counter >>> 14) & 0x0fff), 6);
  bytes.writeUInt16BE(0x8000 | (counter & 0x3fff), 8);
  return formatUuid(bytes);
}

/**
 * A UUID version 8 (RFC 9562 section 5.8) computed from its parts: the same parts give the same id on every
 * machine and in every run. Used where a row can be foreseen (an occurrence of a series, a notice of a
 * meeting), so that planning twice names the same thing.
 */
export function derivedId(kind: string, ...parts: readonly string[]): string {
  const bytes = createHash('sha256')
    .update([kind, ...parts].join('\n'))
    .digest()
    .subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return formatUuid(bytes);
}

function formatUuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
