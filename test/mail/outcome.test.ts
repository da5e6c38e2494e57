import { describe, expect, it } from 'vitest';
import { outcomeOfReply, type Stage } from '../../src/mail/outcome.ts';

/** [reply, stage, expected] where expected is "later <scope>" or "refused <fault>". */
const TABLE: readonly [string, Stage, string][] = [
  ['421 4.3.2 shutting down', 'session', 'later sender'],
  ['421 4.7.0 try again later', 'recipient', 'later sender'],
  ['450 4.2.1 mailbox busy', 'recipient', 'later recipient'],
  ['450 mailbox unavailable', 'recipient', 'later recipient'],
  ['451 4.3.0 local error', 'message', 'later recipient'],
  ['452 4.2.2 mailbox full', 'recipient', 'later recipient'],
  ['452 4.5.3 too many recipients', 'recipient', 'later recipient'],
  ['452 4.3.1 no space left', 'message', 'later sender'],
  ['451 4.7.1 greylisted', 'recipient', 'later sender'],
  ['450 4.7.28 unusual rate', 'message', 'later sender'],
  ['451 4.3.0 no', 'sender', 'later sender'],
  ['454 4.7.0 TLS not available', 'session', 'later sender'],
  ['503 5.5.1 bad sequence', 'recipient', 'later sender'],

  ['550 5.1.1 no such user', 'recipient', 'refused address'],
  ['550 5.1.1 no such user', 'message', 'refused address'],
  ['550 5.1.2 no such domain', 'recipient', 'refused address'],
  ['553 5.1.3 bad syntax', 'recipient', 'refused address'],
  ['551 5.1.6 has moved', 'recipient', 'refused address'],
  ['550 5.1.10 null MX', 'recipient', 'refused address'],
  ['556 domain takes no mail', 'recipient', 'refused address'],
  ['550 No such user here', 'recipient', 'refused address'],
  ['550 User unknown', 'recipient', 'refused address'],
  ['550 mailbox unavailable', 'recipient', 'refused message'],
  ['550 5.1.8 sender domain does not exist', 'sender', 'refused sender'],
  ['550 5.1.7 bad sender address', 'recipient', 'refused sender'],

  ['552 5.2.2 over quota', 'recipient', 'refused message'],
  ['552 over quota', 'recipient', 'refused message'],
  ['550 5.2.1 disabled', 'recipient', 'refused message'],
  ['552 5.3.4 too big', 'sender', 'refused message'],
  ['554 5.6.0 malformed', 'message', 'refused message'],

  ['550 5.7.1 refused by policy', 'recipient', 'refused sender'],
  ['550 5.7.26 unauthenticated', 'message', 'refused sender'],
  ['550 5.7.515 access denied', 'message', 'refused sender'],
  ['554 5.7.1 spam', 'message', 'refused sender'],
  ['554 transaction failed', 'message', 'refused sender'],
  ['554 no SMTP service here', 'session', 'refused sender'],
  ['530 5.7.0 authentication required', 'sender', 'refused sender'],
  ['534 5.7.9 mechanism too weak', 'session', 'refused sender'],
  ['535 5.7.8 bad credentials', 'session', 'refused sender'],
  ['500 5.5.2 syntax error', 'recipient', 'refused sender'],
  ['555 parameters not recognised', 'recipient', 'refused sender'],
  // An enhanced code of another class than the reply is no guide.
  ['550 4.1.1 confused', 'recipient', 'refused message'],
];

describe('what a reply means', () => {
  it.each(TABLE)('%s at %s: %s', (reply, stage, expected) => {
    const outcome = outcomeOfReply(reply, stage);
    const found =
      outcome.result === 'refused'
        ? `refused ${outcome.fault}`
        : outcome.result === 'later'
          ? `later ${outcome.scope}`
          : outcome.result;
    expect(found).toBe(expected);
  });

  it('never calls a policy refusal the fault of the address', () => {
    for (const subject of ['5.7.0', '5.7.1', '5.7.25', '5.7.26', '5.7.515', '5.7.509']) {
      for (const stage of ['session', 'sender', 'recipient', 'message'] as const) {
        expect(outcomeOfReply(`550 ${subject} user unknown to our policy`, stage)).toMatchObject({
          fault: 'sender',
        });
      }
    }
  });

  it('gives the enhanced code, else the reply code, and the words without addresses', () => {
    expect(
      outcomeOfReply('550 5.1.1 <ann@example.org>: Recipient address rejected\r\nmore', 'recipient'),
    ).toEqual({
      result: 'refused',
      fault: 'address',
      code: '5.1.1',
      reason:
        'The address does not exist or takes no mail: 550 5.1.1 <…@example.org>: Recipient address rejected more',
    });
    expect(outcomeOfReply('451 wait', 'recipient')).toMatchObject({ code: '451' });
  });

  it('keeps a reason short', () => {
    const outcome = outcomeOfReply(`451 ${'x'.repeat(5000)}`, 'recipient');
    expect(outcome.result === 'later' && outcome.reason.length).toBeLessThan(500);
  });
});
