/** A line end that is not CRLF. */
const UNEVEN = /\r(?!\n)|(?<!\r)\n/;

const END = Buffer.from('.\r\n');

/** Space for a message of so many bytes, with room behind it for what `wireForm` adds. */
export function messageSpace(length: number): Buffer {
  return Buffer.allocUnsafeSlow(length + END.length).subarray(0, length);
}

/**
 * A message as it goes out after DATA: every line ends in CRLF, leading dots are doubled, and the last dot follows
 * (RFC 5321 section 4.5.2). One that is in its own `messageSpace` is not copied for that.
 *
 * @param even the line ends are known to be right already.
 */
export function wireForm(raw: Buffer, even: boolean): Buffer {
  const dotted = raw[0] === 0x2e || raw.includes('\n.');
  if (even && !dotted) {
    if (raw.buffer.byteLength !== raw.length + END.length) return Buffer.concat([raw, END]);
    const whole = Buffer.from(raw.buffer);
    END.copy(whole, raw.length);
    return whole;
  }
  let text = raw.toString('latin1');
  if (!text.endsWith('\n')) text += '\r\n';
  if (!even && UNEVEN.test(text)) text = text.replace(/\r\n|\r|\n/g, '\r\n');
  if (dotted) text = text.replace(/^\./, '..').replaceAll('\n.', '\n..');
  return Buffer.from(`${text}.\r\n`, 'latin1');
}
