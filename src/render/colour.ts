/** Colours of mails, chosen so that every text has at least the contrast of WCAG 2.2 level AA (4.5:1). */
import { invalidInput } from '../kernel/errors.ts';

type Rgb = readonly [number, number, number];

/** The colours that do not depend on the brand, light and dark. */
const LIGHT = {
  page: '#eef1f0',
  card: '#ffffff',
  panel: '#f4f7f6',
  text: '#1d2625',
  muted: '#52605e',
  line: '#d5dcda',
};
const DARK = {
  page: '#121716',
  card: '#1c2322',
  panel: '#252e2d',
  text: '#e6ebea',
  muted: '#aab6b4',
  line: '#3b4745',
};
const MINIMUM = 4.5;
/** Thin letters on a dark ground look fainter than the ratio says. */
const MINIMUM_ON_DARK = 6.5;

/** What templates colour with, as `#rrggbb`. */
export interface Palette {
  readonly brand: string;
  readonly onBrand: string;
  readonly link: string;
  readonly light: typeof LIGHT;
  readonly dark: typeof DARK & {
    readonly link: string;
    /** On a button in the colour of links. */
    readonly onLink: string;
  };
}

function parseColour(text: string): Rgb {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text);
  if (match === null)
    throw invalidInput({ field: 'brandColour', message: `"${text}" is not a colour like #1d5c63` });
  return [match[1]!, match[2]!, match[3]!].map((hex) => Number.parseInt(hex, 16)) as unknown as Rgb;
}

function formatColour(rgb: Rgb): string {
  return `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;
}

/** Relative luminance (WCAG 2.2). */
function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Contrast ratio of two colours given as `#rrggbb` (WCAG 2.2): 1 to 21. */
export function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(parseColour(one)), luminance(parseColour(other))].toSorted(
    (a, b) => a - b,
  );
  return (light! + 0.05) / (dark! + 0.05);
}

/** The colour moved towards black or white in small steps until it can be read on every given background. */
function readable(
  colour: string,
  backgrounds: readonly string[],
  towards: '#000000' | '#ffffff',
  minimum: number,
): string {
  const from = parseColour(colour);
  const to = parseColour(towards);
  for (let step = 0; step <= 50; step++) {
    const mixed = formatColour(from.map((part, i) => part + ((to[i]! - part) * step) / 50) as unknown as Rgb);
    if (backgrounds.every((background) => contrast(mixed, background) >= minimum)) return mixed;
  }
  return towards;
}

/**
 * The colours of a mail in a brand colour given as `#rrggbb`.
 *
 * @throws invalidInput on `brandColour`
 */
export function palette(brandColour: string): Palette {
  const brand = formatColour(parseColour(brandColour));
  return {
    brand,
    // One of the two always has at least 4.58.
    onBrand: contrast(brand, '#ffffff') >= MINIMUM ? '#ffffff' : '#000000',
    link: readable(brand, [LIGHT.page, LIGHT.card, LIGHT.panel], '#000000', MINIMUM),
    light: LIGHT,
    dark: {
      ...DARK,
      link: readable(brand, [DARK.page, DARK.card, DARK.panel], '#ffffff', MINIMUM_ON_DARK),
      onLink: '#111111',
    },
  };
}
