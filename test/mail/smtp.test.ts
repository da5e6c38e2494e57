import net from 'node:net';
import { once } from 'node:events';
import fc from 'fast-check';
import { SMTPServer } from 'smtp-server';
import { describe, expect, it } from 'vitest';
import { createLog } from '../../src/kernel/log.ts';
import { createSmtpMailer, type SmtpOptions } from '../../src/mail/smtp.ts';
import type { Mailer, Outcome } from '../../src/mail/types.ts';
import { exampleMail, scriptedServer, type Script } from './smtp-fixture.ts';

const log = createLog('silent');

describe.each([
  ['one message at a time', { pipelining: false, offers: '8BITMIME' }],
  ['announced ahead', { pipelining: true, offers: 'PIPELINING' }],
  ['announced ahead to a server that does not offer it', { pipelining: true, offers: '8BITMIME' }],
])('mail sent %s:', (_how, { pipelining, offers }) => {
  const scripted = (...scripts: Script[]) =>
    scriptedServer(...scripts.map((script) => ({ offers, ...script })));

  async function withMailer<T>(
    options: Partial<SmtpOptions> & { url: string },
    use: (mailer: Mailer) => Promise<T>,
  ): Promise<T> {
    const mailer = createSmtpMailer({
      log,
      connectTimeout: 2000,
      answerTimeout: 500,
      pipelining,
      ...options,
    });
    try {
      return await use(mailer);
    } finally {
      await mailer.close();
    }
  }

  /** One mail to a server that follows the scripts, one per connection. */
  async function sendTo(
    ...scripts: Script[]
  ): Promise<{ outcome: Outcome; taken: number; connections: number }> {
    await using server = await scripted(...scripts);
    const outcome = await withMailer({ url: server.url }, (mailer) => mailer.send(exampleMail()));
    return { outcome, taken: server.messages.length, connections: server.connections() };
  }

  describe('a mail that the server answers for', () => {
    it('is accepted, once, with one recipient', async () => {
      await using server = await scripted({});
      const outcome = await withMailer({ url: server.url }, (mailer) =>
        mailer.send(exampleMail({ envelopeFrom: 'bounce+d1@b.otgroup.example' })),
      );
      expect(outcome).toEqual({ result: 'accepted', response: '250 2.0.0 taken' });
      expect(server.messages).toHaveLength(1);
      expect(server.commands.filter((c) => /^(MAIL|RCPT)/.test(c))).toEqual([
        expect.stringMatching(/^MAIL FROM:<bounce\+d1@b\.otgroup\.example>/),
        'RCPT TO:<ann@example.org>',
      ]);
      expect(server.messages[0]).toContain(
        'Message-ID: <018f3a5e-7c00-7000-8000-0000000000d1@otgroup.example>',
      );
    });

    it.each([
      ['at MAIL FROM', { mail: '550 5.7.1 not you' }, { result: 'refused', fault: 'sender', code: '5.7.1' }],
      [
        'at RCPT TO',
        { rcpt: '550 5.1.1 <ann@example.org> unknown' },
        { result: 'refused', fault: 'address', code: '5.1.1' },
      ],
      ['at DATA', { data: '451 4.3.0 not now' }, { result: 'later', scope: 'recipient', code: '4.3.0' }],
      [
        'at the final dot',
        { end: '552 5.3.4 too big' },
        { result: 'refused', fault: 'message', code: '5.3.4' },
      ],
      [
        'at the final dot, throttled',
        { end: '451 4.7.28 slow down' },
        { result: 'later', scope: 'sender', code: '4.7.28' },
      ],
      [
        'with 421 at RCPT TO',
        { rcpt: '421 4.3.2 closing' },
        { result: 'later', scope: 'sender', code: '4.3.2' },
      ],
      [
        'with 421 at the final dot',
        { end: '421 4.3.2 closing' },
        { result: 'later', scope: 'sender', code: '4.3.2' },
      ],
      [
        'in its greeting',
        { greeting: '554 5.7.1 blocked' },
        { result: 'refused', fault: 'sender', code: '5.7.1' },
      ],
    ] as const)('%s', async (_where, script, expected) => {
      const { outcome } = await sendTo(script);
      expect(outcome).toMatchObject(expected);
      expect(JSON.stringify(outcome)).not.toContain('ann@');
    });

    it('says what is wrong with our sign-in', async () => {
      await using server = await scripted({ auth: '535 5.7.8 bad credentials' });
      const url = server.url.replace('//', '//user:secret@');
      const outcome = await withMailer({ url }, (mailer) => mailer.send(exampleMail()));
      expect(outcome).toEqual({
        result: 'refused',
        fault: 'sender',
        code: '5.7.8',
        reason: 'The mail server refused our sign-in: 535 5.7.8 bad credentials',
      });
    });

    it('goes on with the next mail on the same connection after a refusal', async () => {
      await using server = await scripted({ rcpt: '550 5.1.1 unknown' });
      await withMailer({ url: server.url, connections: 1 }, async (mailer) => {
        for (let i = 0; i < 5; i++)
          expect(await mailer.send(exampleMail())).toMatchObject({ fault: 'address' });
      });
      expect(server.connections()).toBe(1);
    });
  });

  describe('a connection that is lost', () => {
    it.each([
      ['at once', { greeting: 'drop' }],
      ['at EHLO', { ehlo: 'drop' }],
      ['at MAIL FROM', { mail: 'drop' }],
      ['at RCPT TO', { rcpt: 'drop' }],
      ['at DATA', { data: 'drop' }],
      ['by silence in the greeting', { greeting: 'silence' }],
      ['by silence at RCPT TO', { rcpt: 'silence' }],
      ['by silence at DATA', { data: 'silence' }],
    ] as const)('before the message, %s: later, and nothing was taken', async (_where, script) => {
      const { outcome, taken } = await sendTo(script);
      expect(outcome).toMatchObject({ result: 'later', scope: 'sender' });
      expect(taken).toBe(0);
    });

    it.each([
      ['in the message', { cutAfterBytes: 400 }],
      ['after the final dot', { end: 'drop' }],
      ['by silence after the final dot', { end: 'silence' }],
      ['by nonsense after the final dot', { end: 'good morning' }],
    ] as const)('%s: unknown, and not repeated', async (_where, script) => {
      const { outcome, connections } = await sendTo(script);
      expect(outcome).toMatchObject({ result: 'unknown' });
      expect(connections).toBe(1);
    });

    it('in the middle of a large message is unknown as well', async () => {
      await using server = await scripted({ cutAfterBytes: 300_000 });
      const text = 'A line of the large mail.\n'.repeat(100_000);
      const outcome = await withMailer({ url: server.url }, (mailer) => mailer.send(exampleMail({ text })));
      expect(outcome.result).toBe('unknown');
      expect(server.messages).toHaveLength(0);
    });

    it('while it was idle costs nothing: the mail goes over a new one', async () => {
      const { outcome, taken, connections } = await sendTo({ mail: 'drop' }, {});
      expect(outcome.result).toBe('accepted');
      expect([taken, connections]).toEqual([1, 2]);
    });

    it('is told apart for each of many mails at the same time', async () => {
      // Connections are served in the order in which they come: every second one drops after the dot.
      await using server = await scripted({ end: 'drop' }, {}, { end: 'drop' }, {});
      const outcomes = await withMailer({ url: server.url, connections: 4 }, (mailer) =>
        Promise.all(
          Array.from({ length: 4 }, (_, i) =>
            mailer.send(exampleMail({ messageId: `m${i}@otgroup.example` })),
          ),
        ),
      );
      expect(outcomes.map((o) => o.result).toSorted()).toEqual([
        'accepted',
        'accepted',
        'unknown',
        'unknown',
      ]);
    });

    it('refused by the host: later, with words', async () => {
      const free = net.createServer().listen(0, '127.0.0.1');
      await once(free, 'listening');
      const { port } = free.address() as net.AddressInfo;
      free.close();
      const outcome = await withMailer({ url: `smtp://127.0.0.1:${port}` }, (mailer) =>
        mailer.send(exampleMail()),
      );
      expect(outcome).toMatchObject({ result: 'later', scope: 'sender', code: 'ECONNREFUSED' });
      expect(outcome.result === 'later' && outcome.reason).toMatch(
        /^Nothing answers at the mail server’s port/,
      );
    });

    it('to a host without a name: later, with words', async () => {
      const outcome = await withMailer({ url: 'smtp://mail.invalid:2525' }, (mailer) =>
        mailer.send(exampleMail()),
      );
      expect(outcome).toMatchObject({ result: 'later', scope: 'sender' });
      expect(outcome.result === 'later' && outcome.reason).toMatch(/^The mail server’s name/);
    });
  });

  describe('a server that breaks off anywhere', () => {
    const faults: readonly Script[] = [
      {},
      { greeting: 'drop' },
      { ehlo: 'drop' },
      { mail: 'drop' },
      { rcpt: 'drop' },
      { data: 'drop' },
      { end: 'drop' },
      { rcpt: '450 4.2.1 busy' },
      { rcpt: '550 5.1.1 unknown' },
      { end: '451 4.3.0 no' },
      { end: '421 4.3.2 closing' },
      { cutAfterBytes: 1 },
    ];

    it('is never said to have not taken what it took, nor to have taken what it did not', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(
            fc.oneof(
              fc.constantFrom(...faults),
              fc.integer({ min: 1, max: 6000 }).map((cutAfterBytes): Script => ({ cutAfterBytes })),
            ),
            {
              minLength: 8,
              maxLength: 24,
            },
          ),
          fc.integer({ min: 1, max: 4 }),
          async (scripts, connections) => {
            await using server = await scripted(...scripts, {});
            const outcomes = await withMailer({ url: server.url, connections }, (mailer) =>
              Promise.all(
                Array.from({ length: 16 }, (_, i) =>
                  mailer.send(exampleMail({ messageId: `m${i}@otgroup.example` })),
                ),
              ),
            );
            outcomes.forEach(({ result }, i) => {
              const copies = server.messages.filter((raw) => raw.includes(`<m${i}@otgroup.example>`)).length;
              expect(copies).toBeLessThanOrEqual(1);
              if (result === 'accepted') expect(copies).toBe(1);
              // What was refused at the final dot had reached the server, which gave it back.
              const returned = server.returned.filter((raw) =>
                raw.includes(`<m${i}@otgroup.example>`),
              ).length;
              if (result === 'later' || result === 'refused') expect(copies).toBe(returned);
            });
          },
        ),
        { numRuns: 15 },
      );
    });
  });

  describe('stopping', () => {
    it('by signal before the message: later', async () => {
      await using server = await scripted({ rcpt: 'silence' });
      const stop = new AbortController();
      const outcome = withMailer({ url: server.url, answerTimeout: 10_000 }, async (mailer) => {
        const sending = mailer.send(exampleMail(), stop.signal);
        while (!server.commands.some((c) => c.startsWith('RCPT'))) await new Promise(setImmediate);
        stop.abort();
        return sending;
      });
      expect(await outcome).toMatchObject({ result: 'later', scope: 'recipient', code: 'EABORT' });
    });

    it('by signal after the final dot: unknown', async () => {
      await using server = await scripted({ end: 'silence' });
      const stop = new AbortController();
      const outcome = withMailer({ url: server.url, answerTimeout: 10_000 }, async (mailer) => {
        const sending = mailer.send(exampleMail(), stop.signal);
        while (server.messages.length === 0) await new Promise(setImmediate);
        stop.abort();
        return sending;
      });
      expect(await outcome).toMatchObject({ result: 'unknown' });
    });

    it('by a signal that has come already: nothing is sent', async () => {
      await using server = await scripted({});
      const outcome = await withMailer({ url: server.url }, (mailer) =>
        mailer.send(exampleMail(), AbortSignal.abort()),
      );
      expect(outcome).toMatchObject({ result: 'later', code: 'EABORT' });
      expect(server.messages).toHaveLength(0);
    });

    it('by close waits for mails under way and takes no more', async () => {
      await using server = await scripted({});
      const mailer = createSmtpMailer({ url: server.url, log, connections: 2, pipelining });
      const sending = Promise.all(Array.from({ length: 20 }, () => mailer.send(exampleMail())));
      await mailer.close();
      expect((await sending).every((o) => o.result === 'accepted')).toBe(true);
      expect(server.messages).toHaveLength(20);
      expect(await mailer.send(exampleMail())).toMatchObject({ result: 'later' });
    });
  });

  describe('a mail that cannot be composed', () => {
    it.each([
      [{ to: { address: 'ann example@example.org' } }, 'address'],
      [{ to: { address: 'ann@example.org>, eve@example.org' } }, 'address'],
      [{ to: { address: 'ann@example.org\r\nBcc: eve@example.org' } }, 'address'],
      [{ calendar: { method: 'PUBLISH', content: 'METHOD:CANCEL\r\n', filename: 'x.ics' } }, 'message'],
    ] as const)('is refused for its own recipient only: %j', async (changes, fault) => {
      await using server = await scripted({});
      const outcome = await withMailer({ url: server.url }, (mailer) => mailer.send(exampleMail(changes)));
      expect(outcome).toMatchObject({ result: 'refused', fault });
      expect(server.connections()).toBe(0);
    });
  });

  describe('against smtp-server', () => {
    async function realServer(options: ConstructorParameters<typeof SMTPServer>[0]) {
      const received: { from: string; to: string[]; raw: string }[] = [];
      const server = new SMTPServer({
        logger: false,
        onData(stream, session, done) {
          const chunks: Buffer[] = [];
          stream.on('data', (chunk: Buffer) => chunks.push(chunk));
          stream.on('end', () => {
            const { mailFrom, rcptTo } = session.envelope;
            received.push({
              from: mailFrom === false ? '' : mailFrom.address,
              to: rcptTo.map((r) => r.address),
              raw: Buffer.concat(chunks).toString('latin1'),
            });
            done();
          });
        },
        ...options,
      });
      server.on('error', () => undefined);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.server.address() as net.AddressInfo;
      return { received, port, close: () => new Promise<void>((resolve) => server.close(resolve)) };
    }

    it('200 mails over 5 connections arrive once each', async () => {
      const server = await realServer({ disabledCommands: ['STARTTLS', 'AUTH'] });
      const outcomes = await withMailer(
        { url: `smtp://127.0.0.1:${server.port}`, answerTimeout: 5000, messagesPerConnection: 20 },
        (mailer) =>
          Promise.all(
            Array.from({ length: 200 }, (_, i) =>
              mailer.send(
                exampleMail({ messageId: `d${i}@otgroup.example`, to: { address: `p${i}@example.org` } }),
              ),
            ),
          ),
      );
      await server.close();
      expect(outcomes.every((o) => o.result === 'accepted')).toBe(true);
      expect(new Set(server.received.map((m) => m.to.join())).size).toBe(200);
      expect(server.received).toHaveLength(200);
    });

    it('with STARTTLS and a sign-in, the certificate checked unless told otherwise', async () => {
      const server = await realServer({
        onAuth: (auth, _session, done) => {
          if (auth.username === 'user' && auth.password === 'p@ss') done(null, { user: 'user' });
          else done(new Error('no'));
        },
      });
      const base = `127.0.0.1:${server.port}`;
      const send = (url: string) =>
        withMailer(
          { url, answerTimeout: 5000 },
          async (mailer) => [await mailer.send(exampleMail()), await mailer.check()] as const,
        );

      const [trusted, check] = await send(
        `smtp://user:p%40ss@${base}?requireTLS=true&tls.rejectUnauthorized=false`,
      );
      expect(trusted.result).toBe('accepted');
      expect(check).toEqual({ ok: true, detail: '127.0.0.1 answers and has let us sign in.' });

      const [untrusted, failing] = await send(`smtp://user:p%40ss@${base}?requireTLS=true`);
      expect(untrusted).toMatchObject({ result: 'later', scope: 'sender' });
      expect(failing.ok).toBe(false);
      expect(failing.detail).toMatch(/^No encrypted connection/);

      const [wrong, wrongCheck] = await send(`smtp://user:wrong@${base}?tls.rejectUnauthorized=false`);
      expect(wrong).toMatchObject({ result: 'refused', fault: 'sender' });
      expect(wrongCheck.detail).toMatch(/^The mail server refused our sign-in/);
      await server.close();
      expect(server.received).toHaveLength(1);
    });

    it('keeps a password from going out in the clear to another machine', async () => {
      await using server = await scripted({});
      const url = `smtp://user:secret@127.0.0.1:${server.port}?requireTLS=true`;
      const outcome = await withMailer({ url }, (mailer) => mailer.send(exampleMail()));
      expect(outcome.result).toBe('later');
      expect(server.commands.join()).not.toContain('AUTH');
    });
  });
});
