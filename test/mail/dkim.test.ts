import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConvenorError } from '../../src/kernel/errors.ts';
import { createLog } from '../../src/kernel/log.ts';
import { composeMessage } from '../../src/mail/compose.ts';
import { checkDkimKey, createDkimSigner, type DkimOptions } from '../../src/mail/dkim.ts';
import { createSmtpMailer } from '../../src/mail/smtp.ts';
import { verifyDkim } from './dkim-verifier.ts';
import { exampleMail, scriptedServer } from './smtp-fixture.ts';

function keyOf(type: 'rsa' | 'ed25519', bits = 2048): string {
  const { privateKey } =
    type === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: bits }) : generateKeyPairSync('ed25519');
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

const options: DkimOptions = { domain: 'otgroup.example', selector: 'convenor', privateKey: keyOf('rsa') };

describe('a signed message', () => {
  it('verifies with the record that we tell people to publish, and signs the unsubscribe headers', async () => {
    const { bits, record } = checkDkimKey(options);
    expect(bits).toBe(2048);
    expect(record.name).toBe('convenor._domainkey.otgroup.example');

    const signed = await createDkimSigner(options)(
      await composeMessage(exampleMail({ headers: { 'Feedback-ID': 'reminder:meetings::otgroup' } })),
    );
    const verdict = verifyDkim(signed, record.value);
    expect(verdict).toMatchObject({ bodyHashMatches: true, signatureMatches: true });
    expect(verdict.tags).toMatchObject({
      a: 'rsa-sha256',
      c: 'relaxed/relaxed',
      d: 'otgroup.example',
      s: 'convenor',
    });
    expect(verdict.signedHeaders).toEqual(
      expect.arrayContaining([
        'from',
        'to',
        'subject',
        'date',
        'message-id',
        'list-id',
        'list-unsubscribe',
        'list-unsubscribe-post',
        'feedback-id',
      ]),
    );
  });

  it('verifies whatever white space and empty lines its body has', async () => {
    const ed25519: DkimOptions = { ...options, algorithm: 'ed25519', privateKey: keyOf('ed25519') };
    const { record } = checkDkimKey(ed25519);
    const sign = createDkimSigner(ed25519);
    const pieces = fc.array(fc.constantFrom('a', 'b c', ' ', '  ', '\t', '\r\n', '\r\n\r\n', 'é'), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(pieces, fc.boolean(), async (body, ended) => {
        const text = `From: a@example.org\r\n\r\n${body.join('')}${ended ? '\r\n' : ''}`;
        const signed = await sign(Buffer.from(text, 'latin1'));
        expect(verifyDkim(signed, record.value).bodyHashMatches).toBe(true);
      }),
      { numRuns: 1_000, seed: 1 },
    );
  });

  it('no longer verifies when a header or the body is touched', async () => {
    const { record } = checkDkimKey(options);
    const signed = (await createDkimSigner(options)(await composeMessage(exampleMail()))).toString('latin1');
    const post = signed.replace('List-Unsubscribe=One-Click', 'List-Unsubscribe=Two-Click');
    expect(verifyDkim(Buffer.from(post, 'latin1'), record.value).signatureMatches).toBe(false);
    const body = signed.replace('see you tomorrow', 'see you never');
    expect(verifyDkim(Buffer.from(body, 'latin1'), record.value).bodyHashMatches).toBe(false);
  });

  it('carries a second signature with an Ed25519 key where there is one', async () => {
    const second = {
      ...options,
      selector: 'convenor-ed',
      privateKey: keyOf('ed25519'),
      algorithm: 'ed25519' as const,
    };
    const signed = await createDkimSigner(options, second)(await composeMessage(exampleMail()));
    const verified = { bodyHashMatches: true, signatureMatches: true };
    expect(verifyDkim(signed, checkDkimKey(options).record.value)).toMatchObject(verified);
    const { record } = checkDkimKey(second);
    expect(record.value).toMatch(/^v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}=$/);
    expect(verifyDkim(signed, record.value)).toMatchObject({ ...verified, tags: { s: 'convenor-ed' } });
    const touched = Buffer.from(signed.toString('latin1').replace('One-Click', 'Two-Click'), 'latin1');
    expect(verifyDkim(touched, record.value).signatureMatches).toBe(false);
  });

  it('is what the mail server gets', async () => {
    await using server = await scriptedServer({});
    const mailer = createSmtpMailer({ url: server.url, log: createLog('silent'), dkim: [options] });
    expect(await mailer.send(exampleMail())).toMatchObject({ result: 'accepted' });
    await mailer.close();
    // A line that begins with a dot travels with a second one (RFC 5321 section 4.5.2).
    const received = server.messages[0]!.replace(/\r\n\.\./g, '\r\n.');
    const verdict = verifyDkim(Buffer.from(received, 'latin1'), checkDkimKey(options).record.value);
    expect(verdict).toMatchObject({ bodyHashMatches: true, signatureMatches: true });
  });
});

describe('the check of the key', () => {
  function fault(changes: Partial<DkimOptions>): string {
    try {
      checkDkimKey({ ...options, ...changes });
    } catch (error) {
      expect(error).toBeInstanceOf(ConvenorError);
      expect((error as ConvenorError).code).toBe('invalid_config');
      return (error as ConvenorError).message;
    }
    throw new Error('nothing was wrong');
  }

  it('takes PKCS 1, and line breaks written as \\n', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    expect(checkDkimKey({ ...options, privateKey: pem.replaceAll('\n', '\\n') }).bits).toBe(2048);
  });

  it('names the option and what to do', () => {
    const bad = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n';
    expect(fault({ privateKey: bad })).toMatch(/^DKIM_PRIVATE_KEY: this is not a private key/);
    expect(fault({ privateKey: bad })).not.toContain('c2VjcmV0');
    expect(fault({ privateKey: keyOf('ed25519') })).toMatch(/ed25519.*only RSA/);
    expect(fault({ privateKey: keyOf('rsa', 512) })).toMatch(/512 bits/);
    expect(fault({ algorithm: 'ed25519' })).toMatch(/^DKIM_ED25519_PRIVATE_KEY: .*rsa.*only Ed25519/);
    expect(fault({ domain: 'https://otgroup.example' })).toMatch(/^DKIM_DOMAIN/);
    expect(fault({ selector: 'a b' })).toMatch(/^DKIM_SELECTOR/);
  });

  it('is made when the mailer is made', () => {
    const make = () =>
      createSmtpMailer({
        url: 'smtp://localhost',
        log: createLog('silent'),
        dkim: [{ ...options, privateKey: keyOf('ed25519') }],
      });
    expect(make).toThrow(ConvenorError);
  });
});
