import { z } from 'zod';
import { findAnnouncement } from '../src/announcements/announcements.ts';
import { isBulletin } from '../src/announcements/bulletins-content.ts';
import { bulletinAsItIs } from '../src/drafts/bulletin.ts';
import { prepareDraft } from '../src/drafts/prepare.ts';
import { sampleMail } from '../src/drafts/sample-mail.ts';
import { findAdmin } from '../src/organisation/admins.ts';
import type { ServiceMailMaker } from './service-mail-content.ts';

const aboutAnnouncement = z.object({ announcementId: z.uuid() });
const testOfDraft = aboutAnnouncement.extend({ adminId: z.uuid() });

/** The service mails about announcements that somebody wrote. */
export const DRAFT_MAILS: Readonly<Record<string, ServiceMailMaker>> = {
  /** An announcement as it would go out now, to somebody who wants to see it in their own mail program. */
  async 'draft-test'({ data }, services) {
    const { announcementId, adminId } = testOfDraft.parse(data);
    const content = (await isBulletin(services.db, announcementId))
      ? await bulletinAsItIs(services, await findAnnouncement(services.db, announcementId))
      : (await prepareDraft(services, announcementId)).content;
    const admin = await findAdmin(services.db, adminId);
    const mail = sampleMail(content, admin?.name ?? null, services.config.BASE_URL);
    return {
      ...mail,
      subject: `Test: ${mail.subject}`,
      ...(content.calendar ? { calendar: content.calendar } : {}),
    };
  },

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
