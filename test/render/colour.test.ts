import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contrast, palette } from '../../src/render/colour.ts';

describe('contrast', () => {
  it('is computed as WCAG says', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
    expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.478, 3);
    expect(contrast('#ffffff', '#1d5c63')).toBe(contrast('#1d5c63', '#ffffff'));
  });
});

const colours = fc
  .tuple(...Array.from({ length: 3 }, () => fc.integer({ min: 0, max: 255 })))
  .map((parts) => `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`);

describe('the palette of a mail', () => {
  it('can be read in light and dark, whatever the brand colour', () => {
    fc.assert(
      fc.property(colours, (brand) => {
        const { light, dark, link, onBrand } = palette(brand);
        expect(contrast(onBrand, brand)).toBeGreaterThanOrEqual(4.5);
        for (const ground of [light.page, light.card, light.panel]) {
          for (const text of [light.text, light.muted, link])
            expect(contrast(text, ground)).toBeGreaterThanOrEqual(4.5);
        }
        for (const ground of [dark.page, dark.card, dark.panel]) {
          for (const text of [dark.text, dark.muted, dark.link]) {
            expect(contrast(text, ground)).toBeGreaterThanOrEqual(4.5);
          }
        }
        expect(contrast(dark.onLink, dark.link)).toBeGreaterThanOrEqual(4.5);
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps a brand colour that can be read', () => {
    expect(palette('#1D5C63')).toMatchObject({ brand: '#1d5c63', link: '#1d5c63', onBrand: '#ffffff' });
  });

  it('refuses what is no colour, naming the setting', () => {
    expect(() => palette('teal')).toThrow(/^brandColour: "teal"/);
    expect(() => palette('#fff;background:url(x)')).toThrow(/^brandColour/);
  });
});
