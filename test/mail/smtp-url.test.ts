import { describe, expect, it } from 'vitest';
import { parseSmtpUrl } from '../../src/mail/smtp-url.ts';

describe('SMTP_URL', () => {
  it('gives server, port, sign-in and encryption', () => {
    expect(parseSmtpUrl('smtps://ann%40example.org:p%2Fw@smtp.example.org')).toEqual({
      host: 'smtp.example.org',
      port: 465,
      secure: true,
      requireTLS: false,
      ignoreTLS: false,
      tls: { rejectUnauthorized: true },
      auth: { user: 'ann@example.org', pass: 'p/w' },
    });
    expect(parseSmtpUrl('smtp://localhost:2525?name=worker.example.org')).toMatchObject({
      port: 2525,
      requireTLS: false,
      name: 'worker.example.org',
    });
    expect(parseSmtpUrl('smtp://[::1]:25').host).toBe('::1');
  });

  it('asks for encryption before a password leaves this machine', () => {
    expect(parseSmtpUrl('smtp://u:p@smtp.example.org').requireTLS).toBe(true);
    expect(parseSmtpUrl('smtp://u:p@smtp.example.org?requireTLS=false').requireTLS).toBe(false);
    expect(parseSmtpUrl('smtp://u:p@127.0.0.1:1025').requireTLS).toBe(false);
  });

  it.each([
    ['mail.example.org:25', /must begin with smtp/],
    ['smtp://', /not a URL|names no server/],
    ['http://mail.example.org', /must begin with smtp/],
    ['smtp://u:hunter2@mail.example.org?pool=true', /does not know the parameter "pool"/],
    ['smtp://u:hunter2@mail.example.org?requireTLS=yes', /requireTLS must be true or false/],
  ])('%s is refused in words and without the password', (url, message) => {
    expect(() => parseSmtpUrl(url)).toThrow(message);
    expect(() => parseSmtpUrl(url)).not.toThrow(/hunter2/);
  });
});
