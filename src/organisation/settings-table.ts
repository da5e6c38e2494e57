import { z } from 'zod';
import { NATIONS } from '../calendar/bank-holidays.ts';
import { formatQuietHours, parseQuietHours } from '../calendar/quiet-hours.ts';
import { parseZone } from '../calendar/wall.ts';
import { parseEmailAddress } from '../kernel/email-address.ts';
import {
  addressList,
  darkColour,
  domainOrNothing,
  formatRetention,
  formatYesOrNo,
  line,
  paragraph,
  parsedBy,
  percent,
  retention,
  setting,
  yesOrNo,
} from './setting-types.ts';

const asIs = (value: string): string => value;

const nationOrOff: z.ZodType<(typeof NATIONS)[number] | null, string> = z
  .string()
  .trim()
  .toLowerCase()
  .pipe(z.enum([...NATIONS, 'off'], { error: `must be one of ${NATIONS.join(', ')}, or off` }))
  .transform((text) => (text === 'off' ? null : text));

const addressOrNothing = parsedBy((text) => (text === '' ? '' : parseEmailAddress(text).email));

const webAddressOrNothing = z
  .string()
  .trim()
  .refine((text) => text === '' || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)), {
    error: 'must be a web address that starts with https://',
  });

const wholeNumber = z
  .string()
  .trim()
  .regex(/^\d{1,9}$/, { error: 'must be a whole number' })
  .transform(Number);

const instantOrNothing = parsedBy((text) => (text === '' ? undefined : Temporal.Instant.from(text)));

/** Who finds announcements of a kind on the web after they were sent. */
function archived(what: string, fallback: 'public' | 'link' | 'none') {
  return setting({
    schema: z
      .string()
      .trim()
      .toLowerCase()
      .pipe(z.enum(['public', 'link', 'none'], { error: 'must be public, link or none' })),
    format: asIs,
    fallback,
    help: `Who finds the web pages of ${what} after they were sent: everybody (public), whoever has the link (link) or nobody (none).`,
    example: fallback,
  });
}

/** How long a class of data is kept. The privacy notice lists them by `help`; a daily job applies them. */
function keptFor(what: string, fallback: string) {
  return setting({
    schema: retention,
    format: formatRetention,
    fallback,
    help: `How long we keep ${what}.`,
    example: fallback,
  });
}

/**
 * Every setting of the organisation, described once: what the administrator's page, the command line and the
 * documentation show is made from this table. Values are kept as text, in the form that `schema` reads.
 */
export const SETTINGS = {
  organisationName: setting({
    schema: line(120),
    format: asIs,
    fallback: 'Our organisation',
    help: 'The organisation that sends the mail and answers for the data. It is named in every mail.',
    example: 'Northfield Therapy Partnership',
  }),
  groupName: setting({
    schema: line(80),
    format: asIs,
    fallback: 'Occupational Therapy Network',
    help: 'The name of the group, as its people know it.',
    example: 'Northfield OT Network',
  }),
  postalAddress: setting({
    schema: paragraph(300),
    format: asIs,
    fallback: '',
    help: 'Postal address in the footer of every mail.',
    example: '1 High Street, Northfield, NF1 2AB',
  }),
  contactEmail: setting({
    schema: addressOrNothing,
    format: asIs,
    fallback: '',
    help: 'Address that people can write to. Replies to a mail go there.',
    example: 'network@example.org',
  }),
  listDomain: setting({
    schema: domainOrNothing,
    format: asIs,
    fallback: '',
    help: 'Domain in the List-Id and Message-ID of mails. Without it the sender’s domain is used.',
    example: 'example.org',
  }),
  timeZone: setting({
    schema: parsedBy(parseZone),
    format: asIs,
    fallback: 'Europe/London',
    help: 'Time zone of the group: for quiet hours, new meetings and every time shown.',
    example: 'Europe/London',
  }),
  quietHours: setting({
    schema: parsedBy(parseQuietHours),
    format: formatQuietHours,
    fallback: '22:00-08:00',
    help: 'Hours in which no mail to the group is sent, or "off".',
    example: '22:00-08:00',
  }),
  bankHolidays: setting({
    schema: nationOrOff,
    format: (value) => value ?? 'off',
    fallback: 'england-and-wales',
    help: 'Whose bank holidays to watch for: a meeting that falls on one waits for your decision. Or "off".',
    example: 'scotland',
  }),
  brandColour: setting({
    schema: darkColour,
    format: asIs,
    fallback: '#1b6450',
    help: 'Colour of headings and buttons. White text must be readable on it.',
    example: '#1b6450',
  }),
  whyYouGetThis: setting({
    schema: paragraph(300, 1),
    format: asIs,
    fallback: 'You get this e-mail because you asked to hear from the group.',
    help: 'Line in the footer that says why the person gets the mail.',
    example: 'You get this e-mail because you joined our list of occupational therapists.',
  }),
  clinicalLine: setting({
    schema: paragraph(400),
    format: asIs,
    fallback:
      'What is shared in this group is not clinical advice: each therapist remains responsible for decisions in their own practice.',
    help: 'Line in the footer about clinical responsibility. Empty leaves it out.',
    example: 'Each therapist remains responsible for decisions in their own practice.',
  }),
  groupPolicy: setting({
    schema: paragraph(10_000),
    format: asIs,
    fallback: '',
    help: 'The group’s policy, which everybody who joins agrees to keep; an empty line starts a new paragraph. Empty shows a text of ours.',
    example: 'We share what we know and respect each other. What is said here stays here.',
  }),
  privacyProcessors: setting({
    schema: paragraph(1000),
    format: asIs,
    fallback: '',
    help: 'For the privacy notice: who handles data for you (mail service, Zoom, hosting) and where.',
    example:
      'MailerLite (EU) keeps our mailing list; Zoom (US, under the UK-US data bridge) runs our meetings.',
  }),
  approvalBySecondPerson: setting({
    schema: yesOrNo,
    format: formatYesOrNo,
    fallback: 'no',
    help: 'Whether somebody else than its writer must approve an announcement.',
    example: 'yes',
  }),
  announcementLateHours: setting({
    schema: wholeNumber.pipe(
      z
        .number()
        .min(1, { error: 'must be at least 1 hour' })
        .max(720, { error: 'must be at most 720 hours' }),
    ),
    format: String,
    fallback: '48',
    help: 'How many hours after its time an announcement that somebody wrote is still sent, if it could not go out before.',
    example: '48',
  }),
  namesAllowed: setting({
    schema: paragraph(2000),
    format: asIs,
    fallback: '',
    help: 'Names that may stand in announcements without a warning, separated by commas or on lines of their own.',
    example: 'Jane Doe, Royal College of Occupational Therapists',
  }),
  archiveMeetingInvitations: archived('invitations to meetings', 'public'),
  archiveTrainingBulletins: archived('training bulletins', 'public'),
  archiveVacancyBulletins: archived('vacancy bulletins', 'public'),
  archiveNews: archived('news', 'public'),
  archiveRequests: archived('requests', 'link'),
  archiveGroupRules: archived('reminders of the group’s rules', 'link'),
  archivePostMeetingNotes: archived('notes after meetings', 'link'),
  zoomHost: setting({
    schema: addressOrNothing,
    format: asIs,
    fallback: '',
    help: 'Who hosts the meetings that Convenor makes at Zoom: the address of a person of your Zoom account.',
    example: 'host@example.org',
  }),
  zoomAlternativeHosts: setting({
    schema: addressList,
    format: (value) => value.join(', '),
    fallback: '',
    help: 'Who else may start a meeting at Zoom: addresses of licensed people of your Zoom account.',
    example: 'second@example.org, third@example.org',
  }),
  zoomWaitingRoom: setting({
    schema: yesOrNo,
    format: formatYesOrNo,
    fallback: 'yes',
    help: 'Whether people wait at Zoom until the host lets them in.',
    example: 'yes',
  }),
  zoomRegistration: setting({
    schema: yesOrNo,
    format: formatYesOrNo,
    fallback: 'no',
    help: 'Whether people must register with Zoom first. It shares their name and address with Zoom and needs a licensed host.',
    example: 'no',
  }),
  certificateShare: setting({
    schema: percent,
    format: (value) => `${value}%`,
    fallback: '75%',
    help: 'How much of a meeting somebody must have been there for to get a certificate.',
    example: '75%',
  }),
  certificatesAutomatic: setting({
    schema: yesOrNo,
    format: formatYesOrNo,
    fallback: 'no',
    help: 'Whether certificates go out by themselves to people whom Zoom knew by the address we have for them.',
    example: 'no',
  }),
  vacancyTerms: setting({
    schema: paragraph(5000),
    format: asIs,
    fallback: '',
    help: 'Terms of business, such as introduction fees, that an employer must accept with a vacancy. Empty asks for nothing.',
    example:
      'We charge no fee for publishing a vacancy. If you appoint through us, our introduction fee applies.',
  }),
  feedTrainingDates: setting({
    schema: yesOrNo,
    format: formatYesOrNo,
    fallback: 'yes',
    help: 'Whether dates of training events are in the calendar feed.',
    example: 'yes',
  }),
  feedClosingDates: setting({
    schema: yesOrNo,
    format: formatYesOrNo,
    fallback: 'yes',
    help: 'Whether closing dates of vacancies are in the calendar feed.',
    example: 'yes',
  }),
  retentionUnconfirmed: keptFor('a request to join that was never confirmed', '14 days'),
  retentionLeft: keptFor('the name and address of somebody who has left', '12 months'),
  retentionSuppressed: keptFor(
    'the address of somebody who is not on the list, when mail to it came back or was reported as spam',
    '12 months',
  ),
  retentionEvidence: keptFor(
    'the IP address and browser noted with an agreement, after it was withdrawn',
    '24 months',
  ),
  retentionSendLog: keptFor('the record of who was sent what', '24 months'),
  retentionServiceMails: keptFor('confirmations and other mail to one person', '90 days'),
  retentionOutbox: keptFor('mails in the outbox', '90 days'),
  retentionWebhooks: keptFor('notices received from MailerLite and Zoom', '90 days'),
  retentionImports: keptFor('the report of an import, with the lines it refused', '90 days'),
  retentionComplaints: keptFor('complaints, after they were closed', '36 months'),
  retentionAudit: keptFor('the record of what administrators did', '36 months'),
  retentionItemsUnconfirmed: keptFor(
    'an item handed in for the noticeboard that was never confirmed',
    '7 days',
  ),
  retentionSubmitters: keptFor(
    'the name and address of somebody who handed in an item, after the item has ended',
    '90 days',
  ),
  retentionItems: keptFor('items of the noticeboard, after they have ended', '24 months'),
  retentionAttendance: keptFor('who came to which meeting, and answers to invitations', '24 months'),
  retentionCertificates: keptFor('certificates, so that they can be checked', '60 months'),
  mailerliteFormUrl: setting({
    schema: webAddressOrNothing,
    format: asIs,
    fallback: '',
    help: 'A MailerLite form where somebody who has left can come back; MailerLite takes nobody back otherwise.',
    example: 'https://subscribe.example.org/join',
  }),
  mailerlitePlanSubscribers: setting({
    schema: wholeNumber,
    format: String,
    fallback: '0',
    help: 'How many subscribers your MailerLite plan allows, to be warned in time; 0 when there is no limit.',
    example: '500',
  }),
  mailerlitePlanMails: setting({
    schema: wholeNumber,
    format: String,
    fallback: '0',
    help: 'How many mails a month your MailerLite plan allows, to be warned in time; 0 when there is no limit.',
    example: '2500',
  }),
  mailerliteWebhookSecret: setting({
    schema: line(200, 0),
    format: asIs,
    fallback: '',
    help: 'Secret of the MailerLite webhook that Convenor registered.',
    example: '',
    secret: true,
    internal: true,
  }),
  logo: setting({
    schema: line(40, 0),
    format: asIs,
    fallback: '',
    help: 'Which picture is the logo: the beginning of its SHA-256, width and height.',
    example: '',
    internal: true,
  }),
  setupCompletedAt: setting({
    schema: instantOrNothing,
    format: (value) => value?.toString() ?? '',
    fallback: '',
    help: 'When the set-up page was finished.',
    example: '2026-11-01T09:00:00Z',
    internal: true,
  }),
} as const;

export type SettingKey = keyof typeof SETTINGS;

/** All settings, parsed. */
export type Settings = {
  readonly [K in SettingKey]: z.output<(typeof SETTINGS)[K]['schema']>;
} & {
  /** The organisation's own words in mails, by the key of the text; what is not here is said as it came. */
  readonly mailTexts: Readonly<Record<string, string>>;
};
