import { and, eq, inArray, isNull, ne, or } from 'drizzle-orm';
import { z } from 'zod';
import { askByFetch, checkLiveLinks, type AskStatus } from '../src/checks/live-links.ts';
import { announcements, drafts } from '../src/db/schema.ts';
import { defineJob } from './define.ts';
import { draftLinks } from '../src/drafts/prepare.ts';

/** Asks the servers behind the links of drafts whether the pages are there; the answer stands with the other checks. */
export const checkLinksJob = (ask: AskStatus = askByFetch) =>
  defineJob({
    name: 'check-links',
    schema: z.object({ announcementId: z.uuid(), revision: z.number().int() }),
    concurrency: 1,

    async due({ db }) {
      const found = await db
        .select({ announcementId: drafts.announcementId, revision: drafts.revision })
        .from(drafts)
        .innerJoin(announcements, eq(announcements.id, drafts.announcementId))
        .where(
          and(
            inArray(announcements.state, ['draft', 'awaiting_approval']),
            or(isNull(drafts.linksCheckedRevision), ne(drafts.linksCheckedRevision, drafts.revision)),
          ),
        )
        .limit(20);
      return found.map((payload) => ({ key: `${payload.announcementId}-${payload.revision}`, payload }));
    },

    async run({ announcementId }, services) {
      const { revision, links } = await draftLinks(services, announcementId);
      const linkFindings = await checkLiveLinks(links, ask, services.signal);
      await services.db
        .update(drafts)
        .set({ linkFindings, linksCheckedRevision: revision })
        .where(and(eq(drafts.announcementId, announcementId), eq(drafts.revision, revision)));
    },
  });
