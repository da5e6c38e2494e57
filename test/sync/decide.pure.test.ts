import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Topic } from '../../src/db/schema.ts';
import { decide, type Base, type Here, type There, type TopicHere } from '../../src/sync/decide.ts';

const NOW = Temporal.Instant.from('2026-11-02T12:00:00Z');
const MAPPED: readonly Topic[] = ['meetings', 'training'];
const at = (time: string) => Temporal.Instant.from(`2026-11-02T${time}Z`);

function here(topics: Partial<Record<Topic, Partial<TopicHere>>>, values: Partial<Here> = {}): Here {
  const known = Object.entries(topics) as [Topic, Partial<TopicHere>][];
  const state =
    known.length > 0 && known.every(([, { subscribed }]) => subscribed === false) ? 'left' : 'active';
  return {
    state,
    topics: new Map(
      known.map(([topic, given]) => [
        topic,
        { subscribed: true, at: at('08:00:00'), fromThere: false, byPerson: true, ...given },
      ]),
    ),
    silent: false,
    suppressed: false,
    pushPending: false,
    leftAgainAt: null,
    ...values,
  };
}

function there(topics: readonly Topic[], values: Partial<There> = {}): There {
  return {
    status: 'active',
    topics: new Set(topics),
    unsubscribedAt: null,
    updatedAt: at('07:00:00'),
    optedInAt: null,
    ...values,
  };
}

function base(topics: readonly Topic[], values: Partial<Base> = {}): Base {
  return { status: 'active', topics: new Set(topics), seenAt: at('09:00:00'), unknown: new Set(), ...values };
}

const compare = (ours: Here, theirs: There, before?: Base) => decide(ours, theirs, before, MAPPED, NOW);

describe('a comparison', () => {
  it('of two that agree decides nothing', () => {
    expect(compare(here({ meetings: {} }), there(['meetings']), base(['meetings']))).toEqual({
      give: [],
      withdraw: [],
      suppress: undefined,
      push: 'none',
      differences: [],
      optedOutAt: undefined,
    });
  });

  it.each([
    ['a second before', '10:00:00', '09:59:58.500', ['meetings']],
    ['in the second of', '10:00:00', '10:00:00.500', ['meetings']],
    ['a second after', '10:00:00', '10:00:01.500', []],
  ] as const)('ends an agreement that was given here %s the opt-out there', (_, left, given, withdraw) => {
    const decision = compare(
      here({ meetings: { at: at(given) } }),
      there(['meetings'], { status: 'unsubscribed', unsubscribedAt: at(left) }),
      base(['meetings']),
    );
    expect(decision.withdraw).toEqual(withdraw);
  });

  it.each([
    ['heard of from MailerLite', true],
    ['entered by an administrator or an import', false],
  ])('ends an agreement that was %s, whenever that was', (_, fromThere) => {
    const decision = compare(
      here({ meetings: { at: at('11:00:00'), fromThere, byPerson: false } }),
      there([], { status: 'unsubscribed', unsubscribedAt: at('10:00:00') }),
      base(['meetings']),
    );
    expect(decision).toMatchObject({ withdraw: ['meetings'], optedOutAt: at('10:00:00') });
  });

  it('asks MailerLite once to take somebody back, and then shows its refusal', () => {
    const ours = here({ meetings: { at: at('11:00:00') } });
    const left = there([], { status: 'unsubscribed', unsubscribedAt: at('10:00:00') });
    expect(compare(ours, left, base(['meetings']))).toMatchObject({ push: 'normal', differences: [] });
    expect(compare(ours, left, base([], { status: 'unsubscribed' }))).toMatchObject({
      push: 'none',
      differences: ['not_taken_back'],
    });
    expect(compare({ ...ours, pushPending: true }, left, base([]))).toMatchObject({
      push: 'none',
      differences: [],
    });
  });

  it('gives a topic of which nothing was ever said, and only such a one', () => {
    expect(compare(here({}), there(['meetings'])).give).toEqual(['meetings']);
    expect(
      compare(here({ meetings: { subscribed: false } }, { state: 'active' }), there(['meetings'])),
    ).toMatchObject({
      give: [],
      push: 'urgent',
    });
    expect(compare(here({}, { suppressed: true, silent: true }), there(['meetings'])).give).toEqual([]);
    expect(compare(here({}, { state: 'removed' }), there(['meetings']))).toMatchObject({
      give: [],
      push: 'urgent',
    });
  });

  it('gives a topic back to somebody who confirmed a form there afterwards', () => {
    const ours = here({ meetings: { subscribed: false, at: at('09:30:00') } });
    const back = (time: string) => compare(ours, there(['meetings'], { optedInAt: at(time) }), base([]));
    expect(back('09:31:00')).toMatchObject({ give: ['meetings'], push: 'none' });
    expect(back('09:29:00')).toMatchObject({ give: [], push: 'urgent', differences: ['came_back_there'] });
    expect(
      compare({ ...ours, state: 'removed' }, there(['meetings'], { optedInAt: at('09:31:00') })).give,
    ).toEqual([]);
  });

  it('does not end the return of somebody who confirmed a form there for no topic of ours', () => {
    const ours = here({ meetings: { subscribed: false, at: at('09:30:00') } });
    expect(compare(ours, there([], { optedInAt: at('09:31:00') }), base([]))).toMatchObject({
      push: 'none',
      differences: ['came_back_there'],
    });
  });

  it('takes somebody who is no longer in a group for having left it, unless they chose it here since', () => {
    const left = there([], { updatedAt: at('10:00:00') });
    expect(compare(here({ meetings: {} }), left, base(['meetings'])).withdraw).toEqual(['meetings']);
    const chosen = here({ meetings: { at: at('10:30:00') } });
    expect(compare(chosen, left, base(['meetings']))).toMatchObject({ withdraw: [], push: 'normal' });
    // Where MailerLite tells no time, the opt-out wins.
    const untimed = there([], { updatedAt: at('08:00:00') });
    expect(compare(chosen, untimed, base(['meetings'])).withdraw).toEqual(['meetings']);
  });

  it('puts somebody into a group that they were never seen in', () => {
    expect(compare(here({ meetings: {} }), there([]), base([]))).toMatchObject({
      withdraw: [],
      push: 'normal',
    });
    expect(compare(here({ meetings: {} }), there([]))).toMatchObject({ withdraw: [], push: 'normal' });
    const mappedSince = base(['meetings'], { unknown: new Set(['meetings']) });
    expect(compare(here({ meetings: {} }), there([]), mappedSince)).toMatchObject({
      withdraw: [],
      push: 'normal',
    });
  });

  it('takes somebody who is paused out of the groups, and takes that for no opt-out', () => {
    const paused = here({ meetings: {} }, { silent: true });
    expect(compare(paused, there(['meetings']), base(['meetings'])).push).toBe('normal');
    expect(compare(paused, there([]), base(['meetings']))).toMatchObject({ withdraw: [], push: 'none' });
  });

  it('lets a bounce and a complaint count once', () => {
    const bounced = there([], { status: 'bounced' });
    expect(compare(here({ meetings: {} }), bounced, base(['meetings']))).toMatchObject({
      suppress: 'bounced',
      withdraw: [],
    });
    expect(
      compare(here({ meetings: {} }), bounced, base([], { status: 'bounced' })).suppress,
    ).toBeUndefined();
    const junk = there([], { status: 'junk', updatedAt: at('10:00:00') });
    expect(compare(here({ meetings: {} }), junk, base(['meetings']))).toMatchObject({
      suppress: 'complained',
      withdraw: ['meetings'],
    });
  });

  it('puts the refusal of somebody on record who was never asked here', () => {
    const left = there([], { status: 'unsubscribed', unsubscribedAt: at('10:00:00') });
    expect(compare(here({}), left).withdraw).toEqual(MAPPED);
    expect(compare(here({}, { state: 'unconfirmed' }), left).withdraw).toEqual([]);
  });

  it('never turns on what was turned off here without a confirmed form, and always ends what is active there', () => {
    const times = fc
      .integer({ min: 0, max: 11 * 60 })
      .map((minute) => at('00:00:00').add({ minutes: minute }));
    const maybe = fc.option(times, { nil: null });
    fc.assert(
      fc.property(
        times,
        fc.boolean(),
        fc.constantFrom('left' as const, 'removed' as const, 'active' as const),
        fc.subarray([...MAPPED]),
        maybe,
        maybe,
        fc.option(fc.subarray([...MAPPED]), { nil: undefined }),
        (offAt, fromThere, state, theirs, updatedAt, optedInAt, before) => {
          const ours = here(
            {
              meetings: { subscribed: false, at: offAt, fromThere },
              training: { subscribed: state === 'active' },
            },
            { state },
          );
          const decision = compare(ours, there(theirs, { updatedAt, optedInAt }), before && base(before));
          const confirmed =
            state !== 'removed' && optedInAt !== null && Temporal.Instant.compare(optedInAt, offAt) > 0;
          if (!confirmed) expect(decision.give).not.toContain('meetings');
          if (theirs.includes('meetings') && !decision.give.includes('meetings')) {
            expect(decision.push).toBe('urgent');
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
