import { z } from 'zod';
import { announcementBooks } from '../src/announcements/books.ts';
import { findAnnouncement } from '../src/announcements/announcements.ts';
import { senderModel } from '../src/announcements/notice-content.ts';
import { formatDateTime } from '../src/calendar/format.ts';
import { ConvenorError } from '../src/kernel/errors.ts';
import { findMeeting } from '../src/meetings/meetings.ts';
import type { ServiceMail } from '../src/organisation/service-mail-ledger.ts';
import type { OutgoingMail } from '../src/mail/types.ts';
import { ATTENDANCE_MAILS } from './attendance-mail-content.ts';
import { DRAFT_MAILS } from './draft-mail-content.ts';
import { NOTICEBOARD_MAILS } from './noticeboard-mail-content.ts';
import { PEOPLE_MAILS } from './people-mail-content.ts';
import type { Services } from './services.ts';
import type { RenderedMail } from '../src/render/slots.ts';
import { readRoom } from '../src/rooms/ledger.ts';

interface Context extends Services {
  readonly sender: ReturnType<typeof senderModel>;
}

/** A service mail as it is made: rendered, sometimes with files or a calendar entry. */
export type ServiceMailContent = RenderedMail & Pick<OutgoingMail, 'attachments' | 'calendar'>;

/** Makes one kind of service mail from the ids in its row. */
export type ServiceMailMaker = (mail: ServiceMail, context: Context) => Promise<ServiceMailContent>;

const aboutAnnouncement = z.object({ announcementId: z.uuid() });
const aboutMeeting = z.object({ meetingId: z.uuid() });

/** How each kind of service mail is made from the ids in its row. */
const MAKERS: Readonly<Record<string, ServiceMailMaker>> = {
  ...PEOPLE_MAILS,
  ...NOTICEBOARD_MAILS,
  ...DRAFT_MAILS,
  ...ATTENDANCE_MAILS,

  async missed({ data }, { db, config, renderer, sender }) {
    const announcement = await findAnnouncement(db, aboutAnnouncement.parse(data).announcementId);
    return renderer.mail('missed', {
      sender,
      title: announcement.title,
      dueAt: announcement.sendAt.toString(),
      zone: announcement.zone,
      reason: announcement.stateReason ?? '',
      audience: announcement.audience,
      adminUrl: `${config.BASE_URL}/admin/announcements/${announcement.id}`,
    });
  },

  async 'run-held'({ data }, { db, config, renderer, sender }) {
    const { announcement, books } = await announcementBooks(db, aboutAnnouncement.parse(data).announcementId);
    return renderer.mail('run-held', {
      sender,
      title: announcement.title,
      reason: announcement.stateReason ?? '',
      sent: books.sent,
      waiting: books.pending,
      adminUrl: `${config.BASE_URL}/admin/announcements/${announcement.id}`,
    });
  },

  async 'bank-holiday'({ data }, { db, config, renderer, sender }) {
    const meeting = await findMeeting(db, aboutMeeting.parse(data).meetingId);
    return renderer.mail('bank-holiday', {
      sender,
      title: meeting.title,
      start: meeting.startsAt.toString(),
      zone: meeting.zone,
      holiday: meeting.statusReason ?? '',
      adminUrl: `${config.BASE_URL}/admin/meetings/${meeting.id}`,
    });
  },

  async 'room-problem'({ data }, { db, config, renderer, sender }) {
    const { meeting, room } = await readRoom(db, aboutMeeting.parse(data).meetingId);
    return renderer.mail('admin-alert', {
      sender,
      heading: 'A meeting has no room at Zoom yet',
      paragraphs: [
        `“${meeting.title}” on ${formatDateTime(meeting.startsAt, meeting.zone)} is due to be announced, but its Zoom meeting could not be made.`,
        room?.problem ?? 'It has been made in the meantime.',
        'Convenor goes on trying. You can also paste a link of your own on the meeting’s page.',
      ],
      link: { url: `${config.BASE_URL}/admin/meetings/${meeting.id}`, label: 'Open the meeting' },
    });
  },

  async test({ createdAt }, { renderer, sender, settings }) {
    return renderer.mail('test', {
      sender,
      requestedAt: createdAt.toString(),
      zone: (await settings()).timeZone,
    });
  },
};

/**
 * Makes the content of a service mail.
 *
 * @throws ConvenorError `internal` for a kind that this program does not know; `not_found` when what the mail is
 *   about no longer exists.
 */
export async function serviceMailContent(mail: ServiceMail, services: Services): Promise<ServiceMailContent> {
  const make = MAKERS[mail.kind];
  if (!make) throw new ConvenorError('internal', `There is no service mail "${mail.kind}".`);
  const sender = senderModel(await services.settings(), services.config.BASE_URL);
  return make(mail, { ...services, sender });
}
