import { describe, expect, it } from 'vitest';
import { campaignMail } from '../../src/render/campaign.ts';
import { slotMark } from '../../src/render/slots.ts';

const mail = (html: string, subject = 'News') => campaignMail({ subject, html, text: '' });

describe('a mail for a campaign', () => {
  it('has MailerLite’s tags where the recipient’s own values go', () => {
    const html = `<p>${slotMark('greetingName')}</p><a href="${slotMark('unsubscribeUrl')}">out</a><a href="${slotMark('preferencesUrl')}">choose</a>`;
    expect(mail(html, `For ${slotMark('name', "the {$o}'s")}`)).toEqual({
      subject: "For {$name|default('the os')}",
      html: `<p>Hello {$name|default('there')},</p><a href="{$unsubscribe}">out</a><a href="{$preferences}">choose</a>`,
    });
  });

  it.each([
    ['<p>{$email}</p>', '<p>{ $email}</p>'],
    ['<p>{{$email}}</p>', '<p>{{ $email}}</p>'],
    [
      '<p>{&#36;email} {&dollar;email} {&#x24;email}</p>',
      '<p>{ &#36;email} { &dollar;email} { &#x24;email}</p>',
    ],
    ['<a href="https://example.org/{$email}">x</a>', '<a href="https://example.org/%7B$email}">x</a>'],
  ])('calls up no tag by %s', (written, sent) => {
    expect(mail(written).html).toBe(sent);
    expect(mail('', '{$email}').subject).toBe('{ $email}');
  });

  it('has no place for a link of the recipient’s own that MailerLite cannot make', () => {
    expect(() => mail(`<a href="${slotMark('rsvpUrl')}/1">yes</a>`)).toThrow('rsvpUrl');
  });
});
