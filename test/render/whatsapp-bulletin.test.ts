import { describe, expect, it } from 'vitest';
import { templatesFolder } from '../../src/kernel/paths.ts';
import type { BulletinItemModel, BulletinModel } from '../../src/render/bulletin-models.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { mailSamples } from '../../src/render/samples.ts';
import { WHATSAPP_LIMIT } from '../../src/render/whatsapp.ts';

const renderer = createRenderer({ templatesFolder });
const samples = mailSamples(templatesFolder).flatMap(({ name, kind, model }) =>
  kind === 'training-bulletin' || kind === 'vacancy-bulletin'
    ? [{ name, kind, model: model as BulletinModel }]
    : [],
);
const { kind, model } = samples[0]!;
const item = model.groups[0]!.items[0]!;

function withItems(count: number, changes: Partial<BulletinItemModel> = {}): BulletinModel {
  const items = Array.from({ length: count }, (_, n) => ({ ...item, title: `Course ${n + 1}`, ...changes }));
  return { ...model, count, groups: [{ heading: 'June 2027', items }] };
}

describe.each(samples)('the WhatsApp text $name', (sample) => {
  const text = renderer.whatsapp(sample.kind, sample.model);

  it('is as it was last looked at', async () => {
    await expect(text).toMatchFileSnapshot(`../golden/${sample.name}.whatsapp.txt`);
  });

  it('begins with the day and its one link, and names every item', () => {
    expect(text.split('\n')[0]).toMatch(/^\*(?:Training|Vacancy) bulletin, Monday \d+ \w+ 2027\*$/);
    expect(text.split('\n')[1]).toBe(sample.model.boardUrl);
    expect(text.match(/https?:\/\//g)).toHaveLength(1);
    for (const { items } of sample.model.groups) {
      for (const { title } of items) expect(text).toContain(`- ${title}`);
    }
  });
});

describe('a bulletin in the WhatsApp group', () => {
  it('says how many more there are when they do not fit', () => {
    const text = renderer.whatsapp(kind, withItems(40));
    expect(text.length).toBeLessThanOrEqual(WHATSAPP_LIMIT);
    const shown = text.match(/^- /gm)!.length;
    expect(shown).toBeGreaterThan(5);
    expect(text).toContain(`… and ${40 - shown} others on the page.`);
    expect(renderer.whatsapp(kind, withItems(3))).not.toContain('others');
  });

  it('keeps what people wrote from making marks, lines or links', () => {
    const title = '*Big* _news_\n> see https://elsewhere.example.org/x www.example.org';
    const text = renderer.whatsapp(kind, withItems(1, { title, where: '~Leeds~' }));
    expect(text.match(/[*_~`]/g)?.join('')).toBe('**');
    expect(text).not.toMatch(/elsewhere|www\./);
    expect(text.match(/^- /gm)).toHaveLength(1);
  });

  it('fits however long the words are', () => {
    const long = withItems(40, { title: 'x'.repeat(500), where: '👩🏽‍⚕️'.repeat(100), when: 'day '.repeat(200) });
    const text = renderer.whatsapp(kind, long);
    expect(text.length).toBeLessThanOrEqual(WHATSAPP_LIMIT);
    expect(text).not.toMatch(/\p{Surrogate}/u);
  });
});
