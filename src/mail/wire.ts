import type { ComposedMail } from './types.ts';

/** A line end that is not CRLF. */
const UNEVEN = /\r(?!\n)|(?<!\r)\n/;

const END = Buffer.from('.\r\n');

/** Space for a message of so many bytes, with room behind it for what `wireForm` adds. */
export function messageSpace(length: number): Buffer {
  return Buffer.allocUnsafeSlow(length + END.length).subarray(0, length);
}

/** Whether a line begins with a dot. */
export function hasDots(bytes: Buffer): boolean {
  return bytes[0] === 0x2e || bytes.includes('\n.');
}

/** A message with whatever line ends: each becomes CRLF, also at the very end. */
export function composedMail(message: Buffer): ComposedMail {
  const text = message.toString('latin1');
  const even = text.endsWith('\n') && !UNEVEN.test(text);
  const ended = text.endsWith('\n') ? text : `${text}\r\n`;
  const bytes = even ? message : Buffer.from(ended.replace(/\r\n|\r|\n/g, '\r\n'), 'latin1');
  return { bytes, dotted: hasDots(bytes) };
}

/**
 * A message as it goes out after DATA: leading dots are doubled, and the last dot follows (RFC 5321 section 4.5.2). One
 * without such dots that is in its own `messageSpace` is not copied for that.
 */
export function wireForm({ bytes, dotted }: ComposedMail): Buffer {
  if (dotted) {
    const text = bytes.toString('latin1').replace(/^\./, '..').replaceAll('\n.', '\n..');
    return Buffer.from(`${text}.\r\n`, 'latin1');
  }
  if (bytes.buffer.byteLength !== bytes.length + END.length) return Buffer.concat([bytes, END]);
  const whole = Buffer.from(bytes.buffer);
  END.copy(whole, bytes.length);
  return whole;
}
