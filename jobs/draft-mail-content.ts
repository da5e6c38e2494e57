import { z } from 'zod';
import { findAnnouncement } from '../src/announcements/announcements.ts';
import type { ServiceMailMaker } from './service-mail-content.ts';

const aboutAnnouncement = z.object({ announcementId: z.uuid() });

/** The service mails about announcements that somebody wrote. */
export const DRAFT_MAILS: Readonly<Record<string, ServiceMailMaker>> = {
  async 'approval-wanted'({ data }, { db, config, renderer, sender }) {
    const { id, title } = await findAnnouncement(db, aboutAnnouncement.parse(data).announcementId);
    return renderer.mail('admin-alert', {
      sender,
      heading: 'An announcement waits for your approval',
      paragraphs: [
        `“${title}” has been written and checked. Somebody else than its writer must approve it before it goes out.`,
      ],
      link: { url: `${config.BASE_URL}/admin/announcements/${id}`, label: 'Read and approve' },
    });
  },

  async 'approval-withdrawn'({ data }, { db, config, renderer, sender }) {
    const { id, title } = await findAnnouncement(db, aboutAnnouncement.parse(data).announcementId);
    return renderer.mail('admin-alert', {
      sender,
      heading: 'An announcement needs your approval again',
      paragraphs: [
        `“${title}” was approved, but its meeting was changed after that. Nothing goes out before somebody has looked at it as it is now.`,
      ],
      link: { url: `${config.BASE_URL}/admin/announcements/${id}`, label: 'Read and approve' },
    });
  },
};
