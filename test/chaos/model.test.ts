import { expect, it } from 'vitest';
import type { ClaimRow, DeliveryRow, Ledger, RunRow } from './ledger.ts';
import { judge, type Journal } from './model.ts';

const RUN: RunRow = {
  id: 'a1',
  meetingId: 'm1',
  kind: 'reminder',
  title: 'Reminder',
  state: 'sent',
  audience: 1,
  balanced: true,
  brief: false,
};
const ROW: DeliveryRow = {
  id: 'd1',
  announcementId: 'a1',
  email: 'ana@example.org',
  state: 'sent',
  reason: '250 OK',
  messageId: 'd1@example.org',
  claimedBy: 'host-1-ab/1',
};
const CLAIM: ClaimRow = { deliveryId: 'd1', at: 1_000, ownAt: 1_000, lateAfter: 9_000 };
const ARRIVAL = {
  messageId: 'd1@example.org',
  to: 'ana@example.org',
  at: 1_100,
  kept: true,
  answered: true,
  leave: undefined,
};
const FAULT = { kind: 'SIGKILL of a worker', touches: new Set(['worker 1']), from: 1_050, to: 1_060 };
const REFUSAL = { to: 'ana@example.org', line: '550 5.1.1 No such mailbox' };
const stop = (why: 'hold' | 'moved meeting' | 'cancelled announcement') => ({
  announcementId: 'a1',
  meetingId: 'm1',
  why,
  from: 900,
  to: 2_000,
});

function findings(ledger: Partial<Ledger>, journal: Partial<Journal> = {}): string {
  const verdict = judge(
    { deliveries: [ROW], claims: [CLAIM], runs: [RUN], missing: [], ...ledger },
    {
      arrivals: [ARRIVAL],
      begun: new Set(['d1@example.org']),
      refusals: [],
      faults: [],
      stops: [],
      quiet: [],
      optOuts: new Map(),
      leavers: new Set(),
      actorOf: () => 'worker 1',
      ...journal,
    },
  );
  return verdict.wrong.join('\n');
}
const row = (changes: Partial<DeliveryRow>) => ({ deliveries: [{ ...ROW, ...changes }] });
const UNKNOWN = row({ state: 'unknown', reason: 'Convenor stopped while …' });

it('finds nothing in a run in which all is well', () => {
  expect(findings({})).toBe('');
});

it.each<[string, string]>([
  ['arrived 2 times', findings({}, { arrivals: [ARRIVAL, ARRIVAL] })],
  ['sent, but never arrived', findings({}, { arrivals: [] })],
  ['sent, but never arrived', findings({}, { arrivals: [{ ...ARRIVAL, kept: false }] })],
  ['a message that no row tells of', findings({}, { arrivals: [ARRIVAL, { ...ARRIVAL, messageId: 'x@y' }] })],
  ['two deliveries have one Message-ID', findings({ deliveries: [ROW, { ...ROW, id: 'd2' }] })],
  ['never came to an end', findings(row({ state: 'pending' }))],
  ['has no row for', findings({ missing: [{ email: 'ben@example.org', title: 'Reminder' }] })],
  ['do not balance', findings({ runs: [{ ...RUN, balanced: false }] })],
  ['ended as missed', findings({ runs: [{ ...RUN, state: 'missed' }] })],
  ['unknown without a fault', findings(UNKNOWN)],
  ['unknown without a fault', findings(UNKNOWN, { faults: [{ ...FAULT, touches: new Set(['web']) }] })],
  ['unknown without a fault', findings(UNKNOWN, { faults: [{ ...FAULT, from: 100, to: 200 }] })],
  ['unknown without a fault', findings(row({ state: 'unknown', reason: 'The answer was lost.' }))],
  ['its reason is not true', findings(row({ state: 'excluded', reason: 'Has left the list.' }))],
  ['its reason is not true', findings(row({ state: 'excluded', reason: 'On the do-not-mail list.' }))],
  [
    'its reason is not true',
    findings(row({ state: 'failed', reason: 'Refused: 550 5.1.1 No such mailbox' })),
  ],
  ['its reason is not true', findings(row({ state: 'cancelled', reason: 'It was cancelled.' }))],
  ['arrived all the same', findings(row({ state: 'failed', reason: 'Too late to be of use.' }))],
  ['after an acknowledged hold', findings({}, { stops: [stop('hold')] })],
  ['after an acknowledged moved meeting', findings({}, { stops: [stop('moved meeting')] })],
  ['after an opt-out', findings({}, { optOuts: new Map([['ana@example.org', 999]]) })],
  ['after its late limit', findings({ claims: [{ ...CLAIM, ownAt: 9_000 }] })],
  ['in the quiet hours', findings({}, { quiet: [{ from: 500, to: 5_000 }] })],
  ['was never told of a moved meeting', findings({}, { stops: [stop('moved meeting')] })],
])('objects: %s', (objection, found) => {
  expect(found).toContain(objection);
});

it('lets pass what has an explanation', () => {
  expect(findings(UNKNOWN, { faults: [FAULT] })).toBe('');
  expect(
    findings(row({ state: 'unknown', reason: 'The answer was lost.' }), {
      arrivals: [{ ...ARRIVAL, answered: false }],
    }),
  ).toBe('');
  const nothing = { arrivals: [], begun: new Set<string>() };
  const refused = row({ state: 'failed', reason: 'Refused: 550 5.1.1 No such mailbox' });
  expect(findings(refused, { ...nothing, refusals: [REFUSAL] })).toBe('');
  const left = row({ state: 'excluded', reason: 'Has left the list.' });
  expect(findings(left, { ...nothing, leavers: new Set(['ana@example.org']) })).toBe('');
  const missed = { ...RUN, state: 'missed', audience: null, brief: true };
  expect(findings({ deliveries: [], claims: [], runs: [missed] }, nothing)).toBe('');
  const cancelled = { ...row({ state: 'cancelled', reason: 'It was cancelled.' }), claims: [] };
  expect(findings(cancelled, { ...nothing, stops: [stop('cancelled announcement')] })).toBe('');
});
