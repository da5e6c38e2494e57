import { z } from 'zod';
import type { MailerLiteClient } from '../src/mailerlite/client.ts';
import type { Services } from './services.ts';
import { applySeen } from '../src/sync/apply-seen.ts';
import { eventsWait, handleEvents, peopleWithEvents, waitingEvents } from '../src/sync/event-inbox.ts';
import { markGone } from '../src/sync/pull-runs.ts';
import { BATCH } from '../src/sync/push-plan.ts';
import { applyReports, applyReportsOfLeaving } from '../src/sync/reports.ts';
import { readTopicGroups } from '../src/sync/topic-groups.ts';
import { defineJob } from './define.ts';
import { withGroupsVerified } from './mailerlite-groups.ts';

/** After this time the rest is left to the next round. */
const ROUND = Temporal.Duration.from({ seconds: 5 });

/** Faults that are over by themselves; of any other kind, asking again brings nothing. */
const PASSING: ReadonlySet<string> = new Set(['rate_limited', 'unavailable', 'timeout']);

type EventServices = Services & { readonly mailerlite: MailerLiteClient; readonly signal: AbortSignal };

/**
 * Deals with what the webhook reported. Leaving the list takes effect from the event itself; for everything else
 * an event is a hint that a person is to be looked at, since events come late, twice and out of order. After the
 * look the reports are held against it once more: an act that was undone by somebody else left no other trace.
 */
export const mailerliteWebhook = defineJob({
  name: 'mailerlite-webhook',
  schema: z.object({}),
  concurrency: 1,

  async due({ db, mailerlite }) {
    return mailerlite !== undefined && (await eventsWait(db)) ? [{ key: 'all', payload: {} }] : [];
  },

  async run(_, { mailerlite, ...services }) {
    if (mailerlite === undefined) return;
    const { db, clock, signal } = services;
    const until = clock.now().add(ROUND);
    while (!signal.aborted && Temporal.Instant.compare(clock.now(), until) < 0) {
      const ids = await peopleWithEvents(db, BATCH);
      if (ids.length === 0) return;
      await applyReportsOfLeaving(db, ids, { clock });
      if ((await lookAt(ids, { ...services, mailerlite })) === 0) return;
    }
  },
});

/** Looks at people in MailerLite and compares them. Gives how many events that dealt with. */
async function lookAt(ids: readonly string[], services: EventServices): Promise<number> {
  const { db, clock, mailerlite, signal } = services;
  // Only what is here before the question is answered by it.
  const events = await waitingEvents(db, ids);
  const askedAt = clock.now();
  const results = await mailerlite.applyChanges(
    ids.map((id) => ({ kind: 'find', idOrEmail: id })),
    { signal },
  );
  const seen = results.flatMap((result) => (result.ok && result.subscriber ? [result.subscriber] : []));
  const failed = ids.flatMap((id, index) => {
    const result = results[index]!;
    return result.ok ? [] : [{ id, error: result.error }];
  });
  const passing = failed.find(({ error }) => PASSING.has(error.kind));
  if (passing !== undefined && seen.length === 0) throw passing.error;
  const gone = failed.filter(({ error }) => error.kind === 'not_found').map(({ id }) => id);
  const settled = failed.filter(({ error }) => !PASSING.has(error.kind)).map(({ id }) => id);
  return withGroupsVerified(services, (groupsVerified) =>
    db.transaction(async (tx) => {
      const groups = await readTopicGroups(tx);
      const { stale } = await applySeen(tx, seen, {
        ...services,
        source: 'mailerlite_webhook',
        groups,
        askedAt,
        groupsVerified,
      });
      await applyReports(tx, seen, { clock, groups, groupsVerified });
      await markGone(tx, gone, { clock });
      const done = [...seen.map(({ id }) => id), ...settled].filter((id) => !stale.includes(id));
      const keys = done.flatMap((id) => events.get(id) ?? []);
      await handleEvents(tx, keys, { clock, askedAt });
      return keys.length;
    }),
  );
}
