import { describe, expect, it } from 'vitest';
import { formatDateTime } from '../../src/calendar/format.ts';
import { templatesFolder } from '../../src/kernel/paths.ts';
import type { InvitationModel, MailModels, WhatsAppKind } from '../../src/render/mail-models.ts';
import { createRenderer } from '../../src/render/renderer.ts';
import { mailSamples } from '../../src/render/samples.ts';
import { neutralise, waMeLink, WHATSAPP_LIMIT } from '../../src/render/whatsapp.ts';

const KINDS: readonly string[] = ['invitation', 'reminder', 'changed', 'cancelled'];
const renderer = createRenderer({ templatesFolder });
const samples = mailSamples(templatesFolder).filter(({ kind }) => KINDS.includes(kind));
const sample = samples.find(({ name }) => name === 'invitation')!.model as InvitationModel;

function textOf(kind: string, model: unknown): string {
  return renderer.whatsapp(kind as WhatsAppKind, model as MailModels[WhatsAppKind]);
}
const withMeeting = (changes: Partial<InvitationModel['meeting']>) => ({
  ...sample,
  meeting: { ...sample.meeting, ...changes },
});

describe.each(samples)('the WhatsApp text $name', ({ name, kind, model }) => {
  const text = textOf(kind, model);
  const { meeting } = model as InvitationModel;

  it('is as it was last looked at', async () => {
    await expect(text).toMatchFileSnapshot(`../golden/${name}.whatsapp.txt`);
  });

  it('is short and begins with title, moment and its one link', () => {
    expect(text.length).toBeLessThanOrEqual(WHATSAPP_LIMIT);
    const [title, when, link] = text.split('\n');
    expect(title).toMatch(/^\*\S.*\S\*$/);
    expect(when).toBe(`*${formatDateTime(Temporal.Instant.from(meeting.start), meeting.zone)}*`);
    expect([meeting.joinUrl, meeting.pageUrl]).toContain(link);
    expect(text.match(/https?:\/\//g)).toHaveLength(1);
  });

  it('makes a link that carries it whole', () => {
    const link = waMeLink(text);
    expect(link).toMatch(/^https:\/\/wa\.me\/\?text=/);
    expect(link).not.toContain('+');
    expect(new URL(link).searchParams.get('text')).toBe(text);
  });
});

describe('what people wrote', () => {
  it('cannot make marks', () => {
    const title = 'Big *news* _soon_ ~maybe~ ```code``` `x`';
    const text = textOf('invitation', withMeeting({ title, description: title }));
    // The only marks left are our own: bold around the first two lines.
    expect(text.match(/[*_~`]/g)?.join('')).toBe('****');
    expect(neutralise('> quoted')).toBe('quoted');
    expect(neutralise('- item')).toBe('item');
    expect(neutralise('a\nb')).toBe('a b');
  });

  it('brings in no second link and no passcode', () => {
    const description =
      'All about splints.\nhttps://zoom.example/j/1?pwd=abc\nPasscode: 123456\nMeeting ID 555\nSee www.example.org too.';
    const text = textOf('invitation', withMeeting({ description }));
    expect(text).toContain('All about splints.');
    expect(text).not.toMatch(/zoom|pwd|passcode|123456|555|www\./i);
  });

  it('is cut to what fits, between whole characters', () => {
    for (const description of ['word '.repeat(1000), '👩🏽‍⚕️'.repeat(400), 'x'.repeat(5000)]) {
      const text = textOf('invitation', withMeeting({ description, title: 'A long title '.repeat(30) }));
      expect(text.length).toBeLessThanOrEqual(WHATSAPP_LIMIT);
      expect(text).toMatch(/…$/);
      expect(text.toString()).not.toMatch(/\p{Surrogate}/u);
      expect(text).not.toMatch(/\u200d…$/);
    }
  });
});
