import { and, eq, gt, isNull, lte } from 'drizzle-orm';
import { z } from 'zod';
import { findAnnouncement } from '../src/announcements/announcements.ts';
import { settleBulletin } from '../src/announcements/bulletins.ts';
import { isBulletin } from '../src/announcements/bulletins-content.ts';
import { freezeAnnouncement } from '../src/announcements/expansion.ts';
import { announcements } from '../src/db/schema.ts';
import { senderIdentity } from '../src/organisation/sender-identity.ts';
import { roomReady } from '../src/rooms/due.ts';
import { announcementContent } from './announcement-content.ts';
import { defineJob } from './define.ts';

/** How long before its time an announcement is frozen, so that it can go out to the minute. */
const AHEAD = Temporal.Duration.from({ minutes: 3 });

/** Freezes announcements that are about to go out: content as it will be sent, one delivery per person. */
export const freeze = defineJob({
  name: 'freeze',
  schema: z.object({ announcementId: z.uuid() }),
  concurrency: 1,

  async due({ db, clock }) {
    const now = clock.now();
    const ready = await db
      .select({ id: announcements.id })
      .from(announcements)
      .where(
        and(
          eq(announcements.state, 'approved'),
          isNull(announcements.frozenAt),
          lte(announcements.sendAt, now.add(AHEAD)),
          gt(announcements.lateAfter, now),
          roomReady(now),
        ),
      )
      .orderBy(announcements.sendAt)
      .limit(20);
    return ready.map(({ id }) => ({ key: id, payload: { announcementId: id } }));
  },

  async run({ announcementId }, services) {
    const { db, clock, config, renderer } = services;
    const settings = await services.settings();
    const identity = senderIdentity(settings, config.MAIL_FROM);
    if ((await isBulletin(db, announcementId)) && !(await settleBulletin(db, announcementId, { clock })))
      return;
    const announcement = await findAnnouncement(db, announcementId);
    const content = await announcementContent(db, announcement, renderer, {
      clock,
      settings,
      baseUrl: config.BASE_URL,
      organiser: { name: settings.organisationName, email: settings.contactEmail || identity.from.address },
    });
    await freezeAnnouncement(db, announcement, content, { clock, mailDomain: identity.domain });
  },
});
