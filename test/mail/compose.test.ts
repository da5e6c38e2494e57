import PostalMime from 'postal-mime';
import { describe, expect, it } from 'vitest';
import { composeMessage } from '../../src/mail/compose.ts';
import type { OutgoingMail } from '../../src/mail/types.ts';
import { exampleMail } from './smtp-fixture.ts';

async function compose(changes: Partial<OutgoingMail> = {}) {
  const raw = await composeMessage(exampleMail(changes));
  const parsed = await PostalMime.parse(raw);
  const all = (name: string) => parsed.headers.filter((h) => h.key === name).map((h) => h.value);
  return { raw: raw.toString('latin1'), parsed, all };
}

const { listId: _listId, oneClickUrl: _oneClickUrl, ...serviceMail } = exampleMail();

describe('a list mail', () => {
  it('carries each header of list mail once', async () => {
    const { all, parsed } = await compose({ headers: { 'Feedback-ID': 'reminder:meetings::otgroup' } });
    expect(all('list-unsubscribe')).toEqual(['<https://otgroup.example/u/eyJzIjoiMDE4ZjNhNWUifQ.7gkq1b9v>']);
    expect(all('list-unsubscribe-post')).toEqual(['List-Unsubscribe=One-Click']);
    expect(all('list-id')).toEqual(['OT Evening Group <meetings.otgroup.example>']);
    expect(all('list-post')).toEqual(['NO']);
    expect(all('auto-submitted')).toEqual(['auto-generated']);
    expect(all('precedence')).toEqual(['bulk']);
    expect(all('x-auto-response-suppress')).toEqual(['OOF, AutoReply']);
    expect(all('feedback-id')).toEqual(['reminder:meetings::otgroup']);
    expect(all('message-id')).toEqual(['<018f3a5e-7c00-7000-8000-0000000000d1@otgroup.example>']);
    expect(all('cc').concat(all('bcc'))).toEqual([]);
    expect(parsed.date).toBe('2027-06-01T08:00:00.000Z');
  });

  it('keeps a long unsubscribe address in one piece', async () => {
    const url = `https://otgroup.example/u/${'a'.repeat(300)}`;
    const { raw } = await compose({ oneClickUrl: url });
    expect(raw).toContain(`List-Unsubscribe: <${url}>\r\n`);
  });

  it('quotes or encodes the name of the list', async () => {
    const named = async (listId: string) => (await compose({ listId })).all('list-id')[0];
    expect(await named('O.T. "North", Leeds <l.example.org>')).toBe(
      String.raw`"O.T. \"North\", Leeds" <l.example.org>`,
    );
    expect(await named('Café <l.example.org>')).toBe('=?UTF-8?B?Q2Fmw6k=?= <l.example.org>');
    await expect(compose({ listId: 'no label' })).rejects.toThrow(/listId/);
  });

  it('gives the same bytes each time', async () => {
    expect((await compose()).raw).toBe((await compose()).raw);
  });
});

describe('a service mail', () => {
  it('has no list headers, and still stops answering machines', async () => {
    const parsed = await PostalMime.parse(await composeMessage(serviceMail));
    const names = parsed.headers.map((h) => h.key);
    expect(names.filter((name) => name.startsWith('list-') || name === 'precedence')).toEqual([]);
    expect(names).toContain('auto-submitted');
  });
});

describe('the parts', () => {
  it('are text, HTML and the calendar entry as an attachment of its own type', async () => {
    const { parsed, raw } = await compose();
    expect(parsed.text).toContain('see you tomorrow – 7 pm.\n.\nA line with one dot');
    expect(parsed.html).toContain('Hello Ann – see you');
    expect(raw).toMatch(/Content-Type: multipart\/mixed/);
    expect(raw.indexOf('text/plain')).toBeLessThan(raw.indexOf('text/html'));
    expect(parsed.attachments).toHaveLength(1);
    const [entry] = parsed.attachments;
    expect(entry).toMatchObject({
      filename: 'meeting.ics',
      mimeType: 'text/calendar',
      disposition: 'attachment',
      method: 'PUBLISH',
    });
    expect(raw).toMatch(/Content-Type: text\/calendar; charset=utf-8; method=PUBLISH/i);
    // The parser turns the line ends of calendar parts around; the bytes on the wire keep theirs.
    const encoded = /method=PUBLISH[\s\S]*?\r\n\r\n([A-Za-z0-9+/=\r\n]+)\r\n--/.exec(raw)?.[1] ?? '';
    expect(Buffer.from(encoded, 'base64').toString('utf8')).toBe(exampleMail().calendar!.content);
  });

  it('state the METHOD that the entry has', async () => {
    const content = exampleMail().calendar!.content.replace('METHOD:PUBLISH', 'METHOD:CANCEL');
    const { parsed, raw } = await compose({
      calendar: { method: 'CANCEL', content, filename: 'meeting.ics' },
    });
    expect(raw).toMatch(/^Content-Type: text\/calendar; charset=utf-8; method=CANCEL/m);
    expect(parsed.attachments[0]).toMatchObject({ method: 'CANCEL' });
    await expect(
      compose({ calendar: { method: 'PUBLISH', content, filename: 'meeting.ics' } }),
    ).rejects.toThrow(/METHOD:CANCEL/);
  });

  it('stay within the line length that SMTP allows', async () => {
    const { raw } = await compose({ html: `<p>${'long – '.repeat(2000)}</p>`, text: 'wörd '.repeat(2000) });
    expect(Math.max(...raw.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998);
  });

  it('hold further attachments', async () => {
    const { parsed } = await compose({
      attachments: [
        { filename: 'slides – June.pdf', content: Buffer.from('%PDF'), contentType: 'application/pdf' },
      ],
    });
    expect(parsed.attachments.map((a) => a.filename)).toEqual(['meeting.ics', 'slides – June.pdf']);
  });
});

describe('hostile text', () => {
  it('adds no header and no recipient', async () => {
    const { parsed, raw } = await compose({
      subject: 'Hello\r\nBcc: eve@example.org\r\n\r\n<script>',
      to: { name: 'Ann"\r\nCc: eve@example.org, <x@example.org>', address: 'ann@example.org' },
      from: { name: 'Group, "the" <best>\u0000', address: 'hello@otgroup.example' },
    });
    expect(parsed.to).toEqual([{ name: expect.any(String), address: 'ann@example.org' }]);
    expect(parsed.from?.address).toBe('hello@otgroup.example');
    expect(parsed.cc ?? parsed.bcc).toBeUndefined();
    expect(raw).not.toMatch(/^(?:Bcc|Cc):/im);
  });

  it('in an address is refused, naming the field', async () => {
    await expect(compose({ to: { address: 'ann@example.org, eve@example.org' } })).rejects.toThrow(/^to: /);
    await expect(compose({ from: { address: 'no address' } })).rejects.toThrow(/^from: /);
    await expect(compose({ envelopeFrom: 'a@b\r\nX: y' })).rejects.toThrow(/^envelopeFrom: /);
    await expect(compose({ oneClickUrl: 'https://x.example/\r\nX: y' })).rejects.toThrow(/^headers: /);
  });

  it('with names of every kind still names one person', async () => {
    for (const name of ['Zoë Ó Néill', '山田 花子', '🙂'.repeat(60), 'x'.repeat(300), "O'Brien, Ann (OT)"]) {
      const { parsed } = await compose({ to: { name, address: 'ann@example.org' } });
      expect(parsed.to).toEqual([{ name, address: 'ann@example.org' }]);
    }
  });
});
