import { createHash } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { imageSize } from 'image-size';
import { organisationFiles, type ImageType } from '../db/schema.ts';
import type { Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import { invalidInput } from '../kernel/errors.ts';
import type { Actor } from './audit.ts';
import { writeInternalSetting } from './settings.ts';

/** Every page carries the logo, and a page is to be below 100 kB in total. */
const MAX_BYTES = 48 * 1024;
const SIDES = { smallest: 16, largest: 1600 };

/** The logo as the setting `logo` names it; the version changes with the picture. */
export interface LogoMark {
  readonly version: string;
  readonly width: number;
  readonly height: number;
}

/** Reads the setting `logo`; `undefined` while there is none. */
export function logoMark(setting: string): LogoMark | undefined {
  const match = /^([0-9a-f]{12}) (\d+)x(\d+)$/.exec(setting);
  if (match === null) return undefined;
  return { version: match[1]!, width: Number(match[2]), height: Number(match[3]) };
}

/**
 * Keeps a picture as the organisation's logo. What it is follows from its bytes, never from its name; an SVG is not
 * taken, because it may hold a script.
 *
 * @throws ConvenorError `invalid_input` for `logo`.
 */
export async function changeLogo(
  tx: Tx,
  content: Uint8Array,
  context: { clock: Clock; actor: Actor },
): Promise<void> {
  if (content.length > MAX_BYTES) {
    throw invalidInput({
      field: 'logo',
      message: `must be at most ${MAX_BYTES / 1024} kB, and this is ${Math.ceil(content.length / 1024)} kB; make the picture smaller (400 pixels wide is enough)`,
    });
  }
  const type = typeOf(content);
  if (type === undefined) {
    throw invalidInput({ field: 'logo', message: 'must be a picture: PNG, JPEG or WebP' });
  }
  const { width, height } = sizeOf(content);
  const version = createHash('sha256').update(content).digest('hex').slice(0, 12);
  await tx.transaction(async (inner) => {
    const values = { type, content, updatedAt: context.clock.now() };
    await inner
      .insert(organisationFiles)
      .values({ name: 'logo', ...values })
      .onConflictDoUpdate({ target: organisationFiles.name, set: values });
    await writeInternalSetting(inner, 'logo', `${version} ${width}x${height}`, context);
  });
}

/** Goes back to the mark that comes with the program. */
export async function removeLogo(tx: Tx, context: { clock: Clock; actor: Actor }): Promise<void> {
  await tx.transaction(async (inner) => {
    await inner.delete(organisationFiles).where(eq(organisationFiles.name, 'logo'));
    await writeInternalSetting(inner, 'logo', '', context);
  });
}

/** The picture itself. */
export async function readLogo(tx: Tx): Promise<{ type: ImageType; content: Uint8Array } | undefined> {
  const [found] = await tx
    .select({ type: organisationFiles.type, content: organisationFiles.content })
    .from(organisationFiles)
    .where(eq(organisationFiles.name, 'logo'));
  return found;
}

/** By the first bytes: PNG (ISO/IEC 15948 5.2), JPEG (ITU-T T.81 B.1.1), WebP (RFC 9649 2.4). */
function typeOf(content: Uint8Array): ImageType | undefined {
  const head = Buffer.from(content.subarray(0, 12)).toString('latin1');
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png';
  if (head.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  if (/^RIFF[^]{4}WEBP$/.test(head)) return 'image/webp';
  return undefined;
}

function sizeOf(content: Uint8Array): { width: number; height: number } {
  let size: { width: number; height: number };
  try {
    size = imageSize(content);
  } catch {
    throw invalidInput({ field: 'logo', message: 'is damaged: its size cannot be read' });
  }
  const sides = [size.width, size.height];
  if (sides.some((side) => side < SIDES.smallest || side > SIDES.largest)) {
    throw invalidInput({
      field: 'logo',
      message: `must be ${SIDES.smallest} to ${SIDES.largest} pixels wide and high, and this is ${size.width} by ${size.height}`,
    });
  }
  return { width: size.width, height: size.height };
}
