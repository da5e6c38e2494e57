import { daily } from './daily.ts';
import { planBulletinsJob } from './bulletin-plan.ts';
import { checkLinksJob } from './check-links.ts';
import { countConsentJob } from './count-consent.ts';
import { deliver } from './deliver.ts';
import { freeze } from './freeze.ts';
import { mailerliteCampaign } from './mailerlite-campaign.ts';
import { mailerlitePull } from './mailerlite-pull.ts';
import { mailerlitePush } from './mailerlite-push.ts';
import { mailerliteWebhookCheck } from './mailerlite-webhook-check.ts';
import { mailerliteWebhook } from './mailerlite-webhook.ts';
import { expireItemsJob } from './noticeboard-expire.ts';
import { purgeNoticeboardJob } from './noticeboard-purge.ts';
import { planAheadJob } from './plan-ahead.ts';
import { rescueDeliveriesJob } from './rescue-deliveries.ts';
import { runAnnouncements } from './run-announcements.ts';
import { sendServiceMails } from './service-mails.ts';
import { unlessHeld } from './unless-held.ts';
import { zoomAttendance } from './zoom-attendance.ts';
import { zoomMeetings } from './zoom-meetings.ts';

/** Every job. Order has no meaning. */
export const jobs = [
  planAheadJob,
  planBulletinsJob,
  expireItemsJob,
  purgeNoticeboardJob,
  checkLinksJob(),
  countConsentJob,
  freeze,
  unlessHeld(runAnnouncements),
  unlessHeld(deliver),
  rescueDeliveriesJob,
  unlessHeld(sendServiceMails),
  daily,
  zoomMeetings,
  zoomAttendance,
  unlessHeld(mailerlitePush),
  mailerlitePull,
  mailerliteWebhook,
  mailerliteWebhookCheck,
  unlessHeld(mailerliteCampaign),
];
