import { z } from 'zod';
import { formatDate, formatDateTime } from '../src/calendar/format.ts';
import { toWall } from '../src/calendar/wall.ts';
import type { Topic } from '../src/db/schema.ts';
import { ConvenorError } from '../src/kernel/errors.ts';
import { nextMeetings } from '../src/meetings/occurrences.ts';
import { meetingUrls } from '../src/announcements/notice-content.ts';
import type { ServiceMail } from '../src/organisation/service-mail-ledger.ts';
import { readComplaint } from '../src/subscribers/complaints.ts';
import { readJoinRequest } from '../src/subscribers/joining.ts';
import { RECORD_LINK_VALID } from '../src/subscribers/self-service.ts';
import type { ServiceMailMaker } from './service-mail-content.ts';

const aboutRequest = z.object({ joinRequestId: z.uuid() });
const aboutComplaint = z.object({ complaintId: z.uuid() });

const TOPIC_WORDS: Readonly<Record<Topic, string>> = {
  meetings: 'our meetings',
  training: 'training',
  vacancies: 'vacancies',
  news: 'news and policy',
};

/** How many coming dates a welcome names. */
const NEXT_DATES = 3;

function subscriberOf({ recipient }: ServiceMail): string {
  if (recipient === null) throw new ConvenorError('internal', 'This mail is for nobody.');
  return recipient;
}

/** Mail about joining, leaving and complaints. */
export const PEOPLE_MAILS: Readonly<Record<string, ServiceMailMaker>> = {
  async 'confirm-subscription'({ data }, { db, renderer, sender, links, settings }) {
    const request = await readJoinRequest(db, aboutRequest.parse(data).joinRequestId);
    return renderer.mail('confirm-subscription', {
      sender,
      confirmUrl: links.confirmUrl(request.id, request.expiresAt),
      topics: request.topics.map((topic) => TOPIC_WORDS[topic]),
      requestedAt: request.requestedAt.toString(),
      zone: (await settings()).timeZone,
      validDays: Math.round(request.requestedAt.until(request.expiresAt).total('days')),
    });
  },

  async welcome({ data }, { db, clock, config, renderer, sender, settings }) {
    const request = await readJoinRequest(db, aboutRequest.parse(data).joinRequestId);
    const coming = await nextMeetings(db, { after: clock.now(), limit: NEXT_DATES });
    return renderer.mail('welcome', {
      sender,
      topics: request.topics.map((topic) => TOPIC_WORDS[topic]),
      nextDates: coming.map((meeting) => ({
        start: meeting.startsAt.toString(),
        zone: meeting.zone,
        title: meeting.title,
        url: meetingUrls(config.BASE_URL, meeting.id).pageUrl,
      })),
      feedUrl: `${config.BASE_URL}/calendar.ics`,
      why: (await settings()).whyYouGetThis,
    });
  },

  async 'already-joined'(mail, { renderer, sender, links }) {
    return renderer.mail('letter', {
      sender,
      heading: `You are already on the list of ${sender.groupName}`,
      paragraphs: [
        'Somebody, probably you, asked to join with this address. It is on the list already, so nothing has changed.',
      ],
      link: { url: links.preferencesUrl(subscriberOf(mail)), label: 'Choose which mails you get' },
      why: 'You get this because this address was typed into our form.',
    });
  },

  async 'record-link'(mail, { clock, renderer, sender, links, settings }) {
    const until = clock.now().add(RECORD_LINK_VALID);
    const { timeZone } = await settings();
    return renderer.mail('letter', {
      sender,
      heading: 'Everything that we keep about you',
      paragraphs: [
        `The link below shows it all, and lets you save it. It works until ${formatDateTime(until, timeZone)}.`,
        'Please do not pass this mail on: whoever has the link sees the record.',
      ],
      link: { url: links.recordUrl(subscriberOf(mail), until), label: 'See my record' },
      why: 'You get this because your record was asked for on your preferences page.',
    });
  },

  async 'removed-asks-to-join'(_, { config, renderer, sender }) {
    return renderer.mail('admin-alert', {
      sender,
      heading: 'Somebody you had removed asks to join again',
      paragraphs: [
        'The person filled in the form. They were told nothing special, and nothing was changed.',
        'If they may come back, allow it on their page; they can then fill in the form again.',
      ],
      link: { url: `${config.BASE_URL}/admin/subscribers?state=removed`, label: 'See who was removed' },
    });
  },

  async 'complaint-received'({ data }, { db, config, renderer, sender, settings }) {
    const complaint = await readComplaint(db, aboutComplaint.parse(data).complaintId);
    const { timeZone } = await settings();
    const by = formatDate(toWall(complaint.acknowledgeBy, timeZone).toPlainDate());
    return renderer.mail('admin-alert', {
      sender,
      heading: `A complaint has come in: ${complaint.reference}`,
      paragraphs: [`Please read it and acknowledge it by ${by}. The law asks for that within 30 days.`],
      link: { url: `${config.BASE_URL}/admin/complaints/${complaint.id}`, label: 'Read the complaint' },
    });
  },

  async 'complaint-due'({ data }, { db, config, renderer, sender, settings }) {
    const complaint = await readComplaint(db, aboutComplaint.parse(data).complaintId);
    const { timeZone } = await settings();
    const by = formatDate(toWall(complaint.acknowledgeBy, timeZone).toPlainDate());
    return renderer.mail('admin-alert', {
      sender,
      heading: `A complaint waits for your answer: ${complaint.reference}`,
      paragraphs: [`It must be acknowledged by ${by}, and that has not been done yet.`],
      link: { url: `${config.BASE_URL}/admin/complaints/${complaint.id}`, label: 'Read the complaint' },
    });
  },

  async 'complaint-arrived'({ data }, { db, renderer, sender }) {
    const complaint = await readComplaint(db, aboutComplaint.parse(data).complaintId);
    return renderer.mail('letter', {
      sender,
      heading: `We have your complaint: ${complaint.reference}`,
      paragraphs: [
        'Thank you for telling us. It has reached the people who run the group, and they will look into it.',
        'You will hear from us within 30 days. You may also turn to the Information Commissioner’s Office (ico.org.uk).',
      ],
      link: null,
      why: 'You get this because a complaint was sent to us with this address.',
    });
  },

  async 'complaint-acknowledged'({ data }, { db, renderer, sender }) {
    const complaint = await readComplaint(db, aboutComplaint.parse(data).complaintId);
    return renderer.mail('letter', {
      sender,
      heading: `We are looking into your complaint: ${complaint.reference}`,
      paragraphs: [
        'We have read what you wrote and are looking into it. We will write to you with what came of it.',
      ],
      link: null,
      why: 'You get this because a complaint was sent to us with this address.',
    });
  },
};
