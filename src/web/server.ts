import fastify, { type FastifyInstance } from 'fastify';
import { randomUUID } from 'node:crypto';
import type { WebDependencies } from './dependencies.ts';
import { accountPages } from './admin/account.ts';
import { afterMeetingPages } from './admin/after-meeting.ts';
import { announcementProgress } from './admin/announcement-progress.ts';
import { announcementLevers } from './admin/announcement-levers.ts';
import { announcementListPages } from './admin/announcement-list.ts';
import { announcementPages } from './admin/announcements.ts';
import { approvalPages } from './admin/approval.ts';
import { attendancePages } from './admin/attendance.ts';
import { auditPages } from './admin/audit.ts';
import { certificateAdminPages } from './admin/certificates.ts';
import { bulletinPages } from './admin/bulletins.ts';
import { complaintPages } from './admin/complaints.ts';
import { connectionPages } from './admin/connections.ts';
import { designPage } from './admin/design.ts';
import { draftPages } from './admin/drafts.ts';
import { importPages } from './admin/import.ts';
import { itemPages } from './admin/items.ts';
import { mailerlitePages } from './admin/mailerlite.ts';
import { meetingPages } from './admin/meetings.ts';
import { meetingRoomActs } from './admin/meeting-room.ts';
import { outboxPages } from './admin/outbox.ts';
import { overviewPages } from './admin/overview.ts';
import { peoplePages } from './admin/people.ts';
import { queuePages } from './admin/queues.ts';
import { sendingPages } from './admin/sending.ts';
import { seriesPages } from './admin/series.ts';
import { setUpPages } from './admin/set-up.ts';
import { mailTextPages } from './admin/mail-texts.ts';
import { settingsPages } from './admin/settings.ts';
import { signInPages } from './admin/sign-in.ts';
import { subscriberRightsPages } from './admin/subscriber-rights.ts';
import { subscriberListPages } from './admin/subscriber-list.ts';
import { subscriberPages } from './admin/subscribers.ts';
import { wordingPages } from './admin/wordings.ts';
import { mailerliteHook } from './hooks/mailerlite.ts';
import { zoomHook } from './hooks/zoom.ts';
import { certificatePages } from './public/certificate.ts';
import { archivePages } from './public/archive.ts';
import { handInPages } from './public/hand-in.ts';
import { healthRoutes } from './public/health.ts';
import { homePages } from './public/home.ts';
import { joinPages } from './public/join.ts';
import { leavePages } from './public/leave.ts';
import { logoFile } from './public/logo.ts';
import { meetingPublicPages } from './public/meeting.ts';
import { noticePages } from './public/notices.ts';
import { noticeboardPages } from './public/noticeboard.ts';
import { preferencePages } from './public/preferences.ts';
import { recordPages } from './public/record.ts';
import { rsvpPages } from './public/rsvp.ts';
import { surveyPages } from './public/survey.ts';
import { access } from './plugins/access.ts';
import { assets } from './plugins/assets.ts';
import { errors } from './plugins/errors.ts';
import { forms } from './plugins/forms.ts';
import { pages } from './plugins/pages.ts';
import { security } from './plugins/security.ts';
import { sessions } from './plugins/sessions.ts';

/** What holds for every route, in this order: each states what it needs of those before it. */
const FOUNDATION = [security, sessions, access, forms, assets, pages, errors];

/** The routes, by the part of the site that they belong to. */
const SITE = [
  homePages,
  meetingPublicPages,
  rsvpPages,
  surveyPages,
  certificatePages,
  leavePages,
  preferencePages,
  joinPages,
  recordPages,
  noticePages,
  noticeboardPages,
  handInPages,
  archivePages,
  logoFile,
  mailerliteHook,
  zoomHook,
  healthRoutes,
  setUpPages,
  signInPages,
  overviewPages,
  seriesPages,
  meetingPages,
  meetingRoomActs,
  attendancePages,
  afterMeetingPages,
  certificateAdminPages,
  announcementListPages,
  announcementPages,
  announcementLevers,
  announcementProgress,
  draftPages,
  approvalPages,
  itemPages,
  bulletinPages,
  subscriberListPages,
  subscriberPages,
  importPages,
  subscriberRightsPages,
  wordingPages,
  complaintPages,
  mailerlitePages,
  outboxPages,
  sendingPages,
  settingsPages,
  mailTextPages,
  connectionPages,
  accountPages,
  peoplePages,
  auditPages,
  designPage,
  queuePages,
];

/** The web server, ready to listen or to be asked in a test; the caller closes it. */
export async function createWebServer(deps: WebDependencies): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: deps.log.child({ part: 'web' }, { level: quieter(deps.log.level) }),
    // A proxy on the same machine or private network may say who the visitor is; nobody else may.
    trustProxy: ['loopback', 'linklocal', 'uniquelocal'],
    genReqId: () => randomUUID(),
    bodyLimit: 512 * 1024,
    forceCloseConnections: 'idle',
    // What comes over a kept connection while the process stops is answered like everything before it.
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 300 },
  });
  app.decorate('deps', deps);
  for (const plugin of [...FOUNDATION, ...SITE]) await app.register(plugin);
  await app.ready();
  return app as unknown as FastifyInstance;
}

/** One line per request is for finding faults, not for every day. */
function quieter(level: string): string {
  return level === 'info' ? 'warn' : level;
}
