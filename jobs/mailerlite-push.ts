import { z } from 'zod';
import type { Services } from './services.ts';
import { listRuns } from '../src/sync/pull-runs.ts';
import { planPush, pushIsDue } from '../src/sync/push-plan.ts';
import { settlePush } from '../src/sync/push-settle.ts';
import { topicsWithoutGroup } from '../src/sync/topic-groups.ts';
import { defineJob } from './define.ts';
import { makeGroups } from './mailerlite-groups.ts';

/** After this time the rest is left to the next round. */
const ROUND = Temporal.Duration.from({ seconds: 5 });

/**
 * Tells MailerLite what changed here. Opt-outs are work of their own, so that they never wait behind other
 * changes for a place in the budget.
 */
export const mailerlitePush = defineJob({
  name: 'mailerlite-push',
  schema: z.object({ urgent: z.boolean() }),
  concurrency: 2,

  async due({ db, clock, mailerlite }) {
    if (mailerlite === undefined) return [];
    const { urgent, normal } = await pushIsDue(db, { clock });
    return [
      ...(urgent ? [{ key: 'urgent', payload: { urgent: true } }] : []),
      ...(normal ? [{ key: 'normal', payload: { urgent: false } }] : []),
    ];
  },

  async run({ urgent }, services) {
    const { db, clock, log, mailerlite, signal } = services;
    if (mailerlite === undefined) return;
    if (!urgent && (await topicsWithoutGroup(db)).length > 0 && (await hasCompared(services))) {
      await makeGroups(mailerlite, services);
    }
    const until = clock.now().add(ROUND);
    do {
      // What to send is read after the wait for a place, so that nobody who left meanwhile is in it.
      const priority = urgent ? 'urgent' : 'normal';
      await mailerlite.takeTurn(priority, signal);
      const batch = await planPush(db, { clock, urgentOnly: urgent });
      if (batch === undefined) return;
      const results = await mailerlite.applyChanges(batch.changes, { priority, signal, turnTaken: true });
      const summary = await settlePush(db, batch, results, services);
      log.info({ ...summary, changes: batch.changes.length }, 'MailerLite was told of changes');
    } while (!signal.aborted && Temporal.Instant.compare(clock.now(), until) < 0);
  },
});

/** Groups are made once the lists were compared: before, it is not known which there are. */
async function hasCompared({ db }: Pick<Services, 'db'>): Promise<boolean> {
  return (await listRuns(db)).some(({ state }) => state === 'done');
}
