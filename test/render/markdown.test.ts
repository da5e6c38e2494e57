import { describe, expect, it } from 'vitest';
import type { MergeField } from '../../src/kernel/merge-fields.ts';
import { markdownHtml, markdownOutline } from '../../src/render/markdown.ts';
import { markdownText, markdownWhatsApp } from '../../src/render/markdown-text.ts';
import { fillSlots, slotMark } from '../../src/render/slots.ts';

const VALUES: Record<string, string> = {
  joinUrl: 'https://a.uk/m/1/join',
  bad: '*x* <b> [y](z) & {{name|no}}',
};
const valueOf = ({ name, fallback }: MergeField) => VALUES[name] ?? fallback ?? '';
const html = (body: string) => markdownHtml(body, valueOf);

describe('Markdown as HTML', () => {
  it('has headings below the subject, lists, emphasis, links and pictures', () => {
    expect(
      html('# One\n\n##### Five\n\n- a\n- **b** _c_\n\n[d](https://a.uk) ![e & f](https://a.uk/e.png)'),
    ).toBe(
      '<h2>One</h2>\n<h4>Five</h4>\n<ul>\n<li>a</li>\n<li><strong>b</strong> <em>c</em></li>\n</ul>\n' +
        '<p><a href="https://a.uk">d</a> <img src="https://a.uk/e.png" alt="e &#38; f"></p>',
    );
  });

  it.each([
    ['<script>alert(1)</script>', '<script'],
    ['<img src=x onerror=alert(1)>', '<img'],
    ['[x](javascript:alert(1))', 'href='],
    ['![x](data:image/png;base64,AA)', '<img'],
    ['[x]({{bad}})', 'href='],
    ['![x" onerror="y](https://a.uk/"onerror=z)', 'onerror="'],
    ['{{bad}}', '<b>'],
    ['{{bad}}', '<em>'],
  ])('lets nothing through that was not meant: %s', (body, never) => {
    expect(html(body)).not.toContain(never);
  });

  it('takes fields in words and addresses, and reads nothing in a value again', () => {
    expect(html('Join, {{name|there}}: [link]({{joinUrl}})')).toBe(
      '<p>Join, there: <a href="https://a.uk/m/1/join">link</a></p>',
    );
    expect(html('{{bad}}')).toContain('*x* &lt;b&gt; [y](z) &amp; {{name|no}}');
  });
});

describe('Markdown without HTML', () => {
  const body =
    '## Title\n\nSome **bold** and [words](https://a.uk/x) and <https://a.uk/y>\n\n1. one\n   - deep\n2. two\n\n> said\n\n![A hand](https://a.uk/h.png)';

  it('keeps every address in plain text', () => {
    expect(markdownText(body, valueOf)).toBe(
      'Title\n\nSome bold and words (https://a.uk/x) and https://a.uk/y\n\n1. one\n  - deep\n2. two\n\n> said\n\n[Picture: A hand]',
    );
  });

  it('has WhatsApp’s marks and no address', () => {
    expect(markdownWhatsApp(body, valueOf)).toBe(
      '*Title*\n\nSome *bold* and words and (see the link above)\n\n1. one\n  - deep\n2. two\n\n> said',
    );
    expect(markdownWhatsApp('in**side** and ** not ** and a*b_c', valueOf)).not.toMatch(/[*_]/);
  });
});

describe('the outline of a text', () => {
  it('knows the line of everything', () => {
    const outline = markdownOutline(
      'One\n[a](https://a.uk)\n\n## Two\n\n- x\n- ![p](https://a.uk/p.png)',
      valueOf,
    );
    expect(outline.links).toEqual([{ url: 'https://a.uk', text: 'a', line: 2 }]);
    expect(outline.headings).toEqual([{ level: 2, text: 'Two', line: 4 }]);
    expect(outline.images).toEqual([{ url: 'https://a.uk/p.png', alt: 'p', line: 7 }]);
  });
});

describe('a name in the text', () => {
  const mail = (part: string) => ({ subject: part, html: `<p>${part}</p>`, text: part });

  it('is the first name, or what the text says instead, in every part', () => {
    const marked = mail(`Dear ${slotMark('name', 'Jo’s "friends" & co')}`);
    const named = fillSlots(marked, { greetingName: 'Ann <b> Bell' });
    expect([named.subject, named.text]).toEqual(['Dear Jo’s "friends" & co', 'Dear Jo’s "friends" & co']);
    expect(named.html).toBe('<p>Dear Jo’s &#34;friends&#34; &#38; co</p>');
    expect(fillSlots(marked, { greetingName: 'Ann Bell' }).subject).toBe('Dear Ann');
  });
});
