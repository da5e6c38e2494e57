/**
 * The organisation's colour, made fit for use: from one colour the shades for both schemes are derived such that
 * text keeps a contrast of 4.5:1 (WCAG 2.2, 1.4.3) whatever was chosen.
 */

type Rgb = readonly [number, number, number];

/** The surfaces of the style sheet that text in the organisation's colour stands on. */
const LIGHT = { paper: '#fffdf9', others: ['#f7f4ee', '#f0ebe1'], ink: '#000000' };
const DARK = { paper: '#1b2220', others: ['#131816', '#0f1412'], ink: '#ffffff' };
const READABLE = 4.6;

/** `:root` rules that set the `--brand…` tokens for a colour such as "#1b6450". */
export function brandStyles(colour: string): string {
  const light = {
    brand: darkened(colour, '#ffffff'),
    hover: mix(darkened(colour, '#ffffff'), '#000000', 0.22),
    soft: mix(LIGHT.paper, colour, 0.1),
  };
  const dark = {
    brand: darkened(mix(colour, '#ffffff', 0.16), '#ffffff'),
    soft: mix(DARK.paper, colour, 0.22),
  };
  const tokens = (values: Record<string, string>) =>
    Object.entries(values)
      .map(([name, value]) => `--${name}:${value};`)
      .join('');
  return [
    `:root{${tokens({
      brand: light.brand,
      'brand-hover': light.hover,
      'brand-text': readableOn(colour, [light.soft, LIGHT.paper, ...LIGHT.others], LIGHT.ink),
      'brand-soft': light.soft,
      'brand-line': mix(LIGHT.paper, colour, 0.3),
    })}}`,
    `@media (prefers-color-scheme:dark){:root{${tokens({
      brand: dark.brand,
      'brand-hover': mix(dark.brand, '#000000', 0.2),
      'brand-text': readableOn(
        mix(colour, '#ffffff', 0.35),
        [dark.soft, DARK.paper, ...DARK.others],
        DARK.ink,
      ),
      'brand-soft': dark.soft,
      'brand-line': mix(DARK.paper, mix(colour, '#ffffff', 0.2), 0.5),
    })}}}`,
  ].join('\n');
}

/** The contrast of two colours by WCAG 2.2: from 1 (none) to 21 (black on white). */
export function contrast(first: string, second: string): number {
  const [lighter, darker] = [luminance(first), luminance(second)].sort((a, b) => b - a) as [number, number];
  return (lighter + 0.05) / (darker + 0.05);
}

/** The colour, as dark as it must be for `on` to be read on it. */
function darkened(colour: string, on: string): string {
  return stepUntil(colour, '#000000', (candidate) => contrast(candidate, on) >= READABLE);
}

/** The colour, moved towards `ink` until it can be read on each of the backgrounds. */
function readableOn(colour: string, backgrounds: readonly string[], ink: string): string {
  return stepUntil(colour, ink, (candidate) =>
    backgrounds.every((background) => contrast(candidate, background) >= READABLE),
  );
}

function stepUntil(colour: string, towards: string, good: (candidate: string) => boolean): string {
  for (let share = 0; share < 1; share += 0.04) {
    const candidate = mix(colour, towards, share);
    if (good(candidate)) return candidate;
  }
  return towards;
}

function mix(first: string, second: string, share: number): string {
  const [a, b] = [parse(first), parse(second)];
  const part = (index: 0 | 1 | 2) =>
    Math.round(a[index] + (b[index] - a[index]) * share)
      .toString(16)
      .padStart(2, '0');
  return `#${part(0)}${part(1)}${part(2)}`;
}

function luminance(colour: string): number {
  const [red, green, blue] = parse(colour).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function parse(colour: string): Rgb {
  return [1, 3, 5].map((start) => Number.parseInt(colour.slice(start, start + 2), 16)) as unknown as Rgb;
}
