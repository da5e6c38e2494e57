import type { z } from 'zod';
import { openSendingHold } from '../src/announcements/sending-hold.ts';
import type { AnyJob, JobDefinition } from '../src/queue/job.ts';
import type { Services } from './services.ts';

/**
 * A job that hands something to the world, as one that rests while sending is held. What was queued before is looked
 * at again too: the queue may be older than the database.
 */
export function unlessHeld(job: AnyJob<Services>): JobDefinition<Services, z.ZodType> {
  return {
    ...job,
    async due(services) {
      return (await openSendingHold(services.db)) === undefined ? job.due(services) : [];
    },
    async run(payload, services) {
      if ((await openSendingHold(services.db)) === undefined) await job.run(payload, services);
    },
  };
}
