import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brandStyles, contrast } from '../../src/web/brand.ts';

const colour = fc
  .integer({ min: 0, max: 0xffffff })
  .map((value) => `#${value.toString(16).padStart(6, '0')}`);

function tokens(css: string): Record<'light' | 'dark', Record<string, string>> {
  const [light, dark] = css.split('@media') as [string, string];
  const read = (text: string) =>
    Object.fromEntries(
      [...text.matchAll(/--([\w-]+):(#[0-9a-f]{6});/g)].map(([, name, value]) => [name!, value!]),
    );
  return { light: read(light), dark: read(dark) };
}

describe('the colours of the organisation', () => {
  it('can be read in light and dark, whatever was chosen', () => {
    fc.assert(
      fc.property(colour, (chosen) => {
        const { light, dark } = tokens(brandStyles(chosen));
        for (const scheme of [light, dark]) {
          expect(contrast(scheme['brand']!, '#ffffff')).toBeGreaterThanOrEqual(4.5);
          expect(contrast(scheme['brand-hover']!, '#ffffff')).toBeGreaterThanOrEqual(4.5);
          expect(contrast(scheme['brand-text']!, scheme['brand-soft']!)).toBeGreaterThanOrEqual(4.5);
        }
        for (const paper of ['#f7f4ee', '#fffdf9', '#f0ebe1']) {
          expect(contrast(light['brand-text']!, paper)).toBeGreaterThanOrEqual(4.5);
        }
        for (const paper of ['#131816', '#1b2220', '#0f1412']) {
          expect(contrast(dark['brand-text']!, paper)).toBeGreaterThanOrEqual(4.5);
        }
      }),
    );
  });

  it('knows the contrast of black on white', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21);
  });
});
