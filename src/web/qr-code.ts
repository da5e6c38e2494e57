import encodeQR from 'qr';

/** The white frame that readers need around the code, in modules. */
const QUIET_ZONE = 4;

/**
 * A QR code as one path for an SVG.
 *
 * @returns the width and height in modules, frame included, and the path of the dark ones.
 */
export function qrPath(text: string): { size: number; path: string } {
  const grid = encodeQR(text, 'raw', { ecc: 'medium', border: QUIET_ZONE });
  const path = grid.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return { size: grid.length, path: path.join('') };
}
