import { deflateSync } from 'node:zlib';

/** A PNG of one colour; only its header matters here. */
export function png(width: number, height: number): Buffer {
  const header = Buffer.alloc(25);
  header.writeUInt32BE(13, 0);
  header.write('IHDR', 4);
  header.writeUInt32BE(width, 8);
  header.writeUInt32BE(height, 12);
  header.set([8, 0, 0, 0, 0], 16);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    header,
    deflateSync(Buffer.alloc(width * height)),
  ]);
}
