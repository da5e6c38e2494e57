import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bulkMailMaker, mailMaker, type Recipient } from '../../jobs/notice-mail.ts';
import type { FrozenContent } from '../../src/announcements/frozen-content.ts';
import { templatesFolder } from '../../src/kernel/paths.ts';
import { composeMessage } from '../../src/mail/compose.ts';
import type { OutgoingMail } from '../../src/mail/types.ts';
import { createRenderer, type Renderer } from '../../src/render/renderer.ts';
import { mailSamples } from '../../src/render/samples.ts';
import { slotMark } from '../../src/render/slots.ts';
import { createLinks, type Links } from '../../src/subscribers/links.ts';
import { exampleMail } from './smtp-fixture.ts';

const links = createLinks({ secretKey: 'a key of tests', baseUrl: 'https://otgroup.example' });
const identity = {
  from: { name: 'OT Gruppe „Süd“, Leeds', address: 'hello@otgroup.example' },
  domain: 'otgroup.example',
  listId: 'OT “South” <announcements.otgroup.example>',
};
const everybody: Recipient = {
  deliveryId: '018f3a5e-7c00-7000-8000-0000000000d1',
  subscriberId: '018f3a5e-7c00-7000-8000-0000000000a1',
  email: 'ann@example.org',
  name: 'Ann Example',
  messageId: '018f3a5e-7c00-7000-8000-0000000000d1@otgroup.example',
};
const { calendar } = exampleMail();

let renderer: Renderer;

beforeAll(() => {
  renderer = createRenderer({ templatesFolder });
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2027-06-01T08:00:00Z') });
});
afterAll(() => void vi.useRealTimers());

function contentOf(parts: Partial<FrozenContent>): FrozenContent {
  return {
    subject: 'S',
    html: '<p>H</p>',
    text: 'T',
    calendar: { ...calendar!, method: 'PUBLISH' },
    meetingSequence: 0,
    ...parts,
  };
}

/** What the quick way gives for these people, after it was compared with what composing one at a time gives. */
async function compare(
  content: FrozenContent,
  people: readonly Recipient[],
  { sender = identity, site = links }: { sender?: typeof identity; site?: Links } = {},
) {
  const one = mailMaker(content, sender, site);
  const many = await bulkMailMaker(content, sender, site);
  const spliced: string[] = [];
  for (const person of people) {
    const quick = many(person);
    const composed = (await composeMessage(one(person))).toString('utf8');
    const made = quick.raw?.();
    spliced.push(made?.bytes.toString('utf8') ?? '(composed)');
    if (made) {
      expect(spliced.at(-1)).toBe(composed);
      expect(made.dotted).toBe(/^\./m.test(composed));
    }
    for (const [part, value] of Object.entries(one(person)))
      expect(quick[part as keyof OutgoingMail]).toEqual(value);
    vi.setSystemTime(Date.now() + 700);
  }
  return spliced;
}

const AWKWARD_NAMES = [
  null,
  '',
  'Ann',
  'Zoë Ó Néill',
  '山田 花子',
  '🙂'.repeat(60),
  `x ${'y'.repeat(300)}`,
  'Ann"\r\nCc: eve@example.org, <x@example.org>',
  "O'Brien, Ann (OT)",
  'Dr =?utf-8?Q?a b?= \\ "q"',
  '. leading dot',
  'https://evil.example',
  '<b>&amp;</b>',
  'a@b',
];
const AWKWARD_ADDRESSES = [
  'ann+tag=1@example.org',
  `${'l'.repeat(64)}@${'d'.repeat(60)}.${'e'.repeat(60)}.example`,
  'süd@exämple.org',
  "o'neil_%&$@example.org",
];

describe('a message made in bulk', () => {
  it('has the same bytes as one composed by itself, for every kind of mail', async () => {
    const samples = mailSamples(templatesFolder);
    expect(samples.length).toBeGreaterThan(20);
    for (const { kind, model } of samples) {
      const [message] = await compare(contentOf(renderer.mail(kind, model)), [everybody]);
      expect(message).toMatch(/^List-Unsubscribe: <https:\/\/otgroup\.example\/u\/[\w-]+>\r$/m);
    }
  });

  it('has the same bytes for awkward names, addresses and links', async () => {
    const content = contentOf({
      subject: `${slotMark('name', 'Freund')}: „Einladung“`,
      html: `<p>${'lang – '.repeat(40)}${slotMark('greetingName')}</p>\n<a href="${slotMark('unsubscribeUrl')}">x</a>${slotMark('preferencesUrl')}${slotMark('rsvpUrl')}  `,
      text: `${slotMark('greetingName')} \n.\r\n${slotMark('name', 'du = gut ')}\r${slotMark('preferencesUrl')}\n\nEnde ohne Zeilenende`,
    });
    const people = AWKWARD_NAMES.flatMap((name) =>
      AWKWARD_ADDRESSES.map((email) => ({ ...everybody, name, email })),
    );
    const long = { ...everybody, messageId: `${everybody.deliveryId}@${'long.'.repeat(12)}example` };
    const messages = await compare(content, [...people, long]);
    expect(messages).not.toContain('(composed)');
    expect(messages.every((message) => !/^(?:Bcc|Cc):/im.test(message))).toBe(true);
  });

  it('has the same bytes where the address of the site is in any script', async () => {
    const site = createLinks({ secretKey: 'a key of tests', baseUrl: 'https://grüße.example' });
    const html = `<a href="${slotMark('unsubscribeUrl')}">x</a>`;
    const another = { ...everybody, deliveryId: everybody.deliveryId.replaceAll('d', 'e') };
    const [first, second] = await compare(contentOf({ html }), [everybody, another], { site });
    expect(first).toContain('<https://grüße.example/u/');
    expect(second).not.toBe(first);
  });

  it('has the same bytes for any text and name', async () => {
    const piece = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 120 }),
      fc.constantFrom('\n', '\r\n', ' \n', '\n\n', '=', slotMark('greetingName'), slotMark('unsubscribeUrl')),
    );
    const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    await fc.assert(
      fc.asyncProperty(
        text,
        text,
        fc.string({ unit: 'grapheme', maxLength: 80 }),
        async (body, html, name) => {
          const other = { ...everybody, subscriberId: everybody.subscriberId.replaceAll('0', '3'), name };
          await compare(contentOf({ text: body, html, calendar: null }), [{ ...everybody, name }, other]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is refused for an address that is none, as one by itself', async () => {
    const make = await bulkMailMaker(contentOf({}), identity, links);
    expect(() => make({ ...everybody, email: 'ann@example.org, eve@example.org' }).raw!()).toThrow(/^to: /);
  });

  it('is left to composing when the text is very long', async () => {
    const html = `<p>${'long – '.repeat(20_000)}</p>`;
    expect(await compare(contentOf({ html }), [everybody])).toEqual(['(composed)']);
  });
});
