import { describe, expect, it } from 'vitest';
import {
  fillSlots,
  greetingNameOf,
  slotMark,
  type RenderedMail,
  type SlotValues,
} from '../../src/render/slots.ts';

const mail: RenderedMail = {
  subject: 'Hello',
  html: `<p>${slotMark('greetingName')}</p><a href="${slotMark('unsubscribeUrl')}">leave</a>`,
  text: `${slotMark('greetingName')}\n${slotMark('unsubscribeUrl')}\n`,
};
const unsubscribeUrl = 'https://otgroup.example/u/a?b=1&c=2';

describe('filling a mail for one person', () => {
  it('escapes each value for the part that it stands in', () => {
    const filled = fillSlots(mail, { greetingName: "D'Arcy & Co", unsubscribeUrl });
    expect(filled.html).toBe(
      '<p>Hello D&#39;Arcy,</p><a href="https://otgroup.example/u/a?b=1&#38;c=2">leave</a>',
    );
    expect(filled.text).toBe(`Hello D'Arcy,\n${unsubscribeUrl}\n`);
  });

  it('does not look for marks in what it has filled in', () => {
    const filled = fillSlots(mail, { greetingName: slotMark('unsubscribeUrl'), unsubscribeUrl });
    expect(filled.text.split(unsubscribeUrl)).toHaveLength(2);
  });

  it('keeps one person’s values from the next', () => {
    const fill = (values: SlotValues) => fillSlots(mail, values);
    const people = ['Ann', 'Bob', null].map((greetingName, i) =>
      fill({ greetingName, unsubscribeUrl: `https://otgroup.example/u/${i}` }),
    );
    expect(people.map((p) => p.text)).toEqual([
      'Hello Ann,\nhttps://otgroup.example/u/0\n',
      'Hello Bob,\nhttps://otgroup.example/u/1\n',
      'Hello,\nhttps://otgroup.example/u/2\n',
    ]);
  });

  it('refuses a missing value and one that is no web address', () => {
    expect(() => fillSlots(mail, { greetingName: 'Ann' })).toThrow(/unsubscribeUrl/);
    for (const bad of ['javascript:alert(1)', 'https://x.example/a b', 'https://x.example/"><b>', '']) {
      expect(() => fillSlots(mail, { greetingName: 'Ann', unsubscribeUrl: bad })).toThrow(/unsubscribeUrl/);
    }
  });

  it('knows its slots', () => {
    expect(() => slotMark('unsubscribe')).toThrow(/no slot/);
  });
});

describe('the name to greet by', () => {
  it.each([
    ['Ann Example', 'Ann'],
    ['  Zoë   Ó Néill ', 'Zoë'],
    ['Anne-Marie Smith', 'Anne-Marie'],
    ['Dr Ann Example', 'Dr Ann Example'],
    ['Prof. Ann Example', 'Prof. Ann Example'],
    ['山田 花子', '山田'],
    ['J. Smith', 'J.'],
    ['Ann\r\nBcc: eve', 'Ann'],
    ['', null],
    ['   ', null],
    [null, null],
    ['ann@example.org', null],
    ['Win money at https://evil.example', null],
    ['www.evil.example now', null],
    ['Visit evil.example now', null],
    ['<b>Ann</b>', null],
    ['Call 0123 456', null],
    ['x'.repeat(61), null],
  ])('%j: %j', (name, greeting) => {
    expect(greetingNameOf(name)).toBe(greeting);
  });

  it('loses characters that steer the display', () => {
    expect(greetingNameOf('\u202eAnn\u0007 Example')).toBe('Ann');
  });
});
