import type { SettingKey } from '../organisation/settings.ts';

/** Settings that are changed together, as one form. */
export interface SettingsGroup {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly keys: readonly SettingKey[];
}

/** Every setting that a person may change, each in one group. */
export const SETTINGS_GROUPS: readonly SettingsGroup[] = [
  {
    id: 'organisation',
    title: 'Organisation',
    about: 'Who sends the mail and answers for the data.',
    keys: ['organisationName', 'groupName', 'contactEmail', 'postalAddress', 'brandColour'],
  },
  {
    id: 'time',
    title: 'Time',
    about: 'When mail may go out, and which days need a decision.',
    keys: ['timeZone', 'quietHours', 'bankHolidays'],
  },
  {
    id: 'announcements',
    title: 'Announcements',
    about: 'Who approves them, how late they may still go out, and names that need no warning.',
    keys: ['approvalBySecondPerson', 'announcementLateHours', 'namesAllowed'],
  },
  {
    id: 'mail',
    title: 'In every mail',
    about: 'The lines at the foot.',
    keys: ['whyYouGetThis', 'clinicalLine', 'listDomain'],
  },
  {
    id: 'archive',
    title: 'Archive',
    about: 'Who finds announcements on the web after they were sent.',
    keys: [
      'archiveMeetingInvitations',
      'archiveTrainingBulletins',
      'archiveVacancyBulletins',
      'archiveNews',
      'archiveRequests',
      'archiveGroupRules',
      'archivePostMeetingNotes',
    ],
  },
  {
    id: 'noticeboard',
    title: 'Noticeboard',
    about: 'What employers accept with a vacancy, and which dates are in the calendar feed.',
    keys: ['vacancyTerms', 'feedTrainingDates', 'feedClosingDates'],
  },
  {
    id: 'zoom',
    title: 'Zoom',
    about: 'For meetings whose link is the word “zoom”: who hosts them, and what they are like.',
    keys: ['zoomHost', 'zoomAlternativeHosts', 'zoomWaitingRoom', 'zoomRegistration'],
  },
  {
    id: 'certificates',
    title: 'Certificates',
    about: 'Who may have a certificate of attendance.',
    keys: ['certificateShare', 'certificatesAutomatic'],
  },
  {
    id: 'mailerlite',
    title: 'MailerLite',
    about: 'What your plan allows, to be warned in time, and the way back for people who left there.',
    keys: ['mailerliteFormUrl', 'mailerlitePlanSubscribers', 'mailerlitePlanMails'],
  },
  {
    id: 'privacy',
    title: 'Policy and privacy',
    about: 'What the group’s policy and the privacy notice say.',
    keys: ['groupPolicy', 'privacyProcessors'],
  },
  {
    id: 'retention',
    title: 'How long data is kept',
    about:
      'Older data is removed by itself, and the privacy notice says so. Write “24 months”, “14 days”, or “keep”.',
    keys: [
      'retentionUnconfirmed',
      'retentionLeft',
      'retentionSuppressed',
      'retentionEvidence',
      'retentionSendLog',
      'retentionServiceMails',
      'retentionOutbox',
      'retentionWebhooks',
      'retentionImports',
      'retentionItemsUnconfirmed',
      'retentionItems',
      'retentionSubmitters',
      'retentionAttendance',
      'retentionCertificates',
      'retentionComplaints',
      'retentionAudit',
    ],
  },
];

/** How the settings are called on the page. */
export const SETTING_NAMES: Readonly<Partial<Record<SettingKey, string>>> = {
  organisationName: 'Organisation',
  groupName: 'Name of the group',
  contactEmail: 'Contact address',
  postalAddress: 'Postal address',
  brandColour: 'Colour',
  timeZone: 'Time zone',
  quietHours: 'Quiet hours',
  bankHolidays: 'Bank holidays',
  announcementLateHours: 'Latest sending, in hours',
  approvalBySecondPerson: 'Approval by a second person',
  namesAllowed: 'Names that need no warning',
  whyYouGetThis: 'Why people get it',
  clinicalLine: 'Clinical responsibility',
  listDomain: 'Domain of the list',
  archiveMeetingInvitations: 'Invitations to meetings',
  archiveTrainingBulletins: 'Training bulletins',
  archiveVacancyBulletins: 'Vacancy bulletins',
  archiveNews: 'News',
  archiveRequests: 'Requests',
  archiveGroupRules: 'Reminders of the group’s rules',
  archivePostMeetingNotes: 'Notes after meetings',
  feedTrainingDates: 'Training in the calendar feed',
  feedClosingDates: 'Closing dates in the calendar feed',
  vacancyTerms: 'Terms for vacancies',
  zoomHost: 'Host',
  zoomAlternativeHosts: 'Other hosts',
  zoomWaitingRoom: 'Waiting room',
  zoomRegistration: 'Registration at Zoom',
  certificateShare: 'Share of the meeting',
  certificatesAutomatic: 'Certificates by themselves',
  mailerliteFormUrl: 'Form in MailerLite',
  mailerlitePlanSubscribers: 'Subscribers in your plan',
  mailerlitePlanMails: 'Mails a month in your plan',
  groupPolicy: 'Policy of the group',
  privacyProcessors: 'Who handles data for you',
  retentionUnconfirmed: 'Requests never confirmed',
  retentionLeft: 'People who have left',
  retentionSuppressed: 'Strangers’ addresses that take no mail',
  retentionEvidence: 'Browser data of an agreement',
  retentionSendLog: 'Who was sent what',
  retentionServiceMails: 'Mail to one person',
  retentionOutbox: 'Outbox',
  retentionWebhooks: 'Notices from MailerLite and Zoom',
  retentionImports: 'Reports of imports',
  retentionItemsUnconfirmed: 'Items never confirmed',
  retentionItems: 'Items of the noticeboard',
  retentionSubmitters: 'Who handed an item in',
  retentionAttendance: 'Attendance and answers',
  retentionCertificates: 'Certificates',
  retentionComplaints: 'Complaints',
  retentionAudit: 'What administrators did',
};

/** Settings that are a text of several lines. */
export const LONG_SETTINGS: ReadonlySet<SettingKey> = new Set([
  'postalAddress',
  'namesAllowed',
  'whyYouGetThis',
  'clinicalLine',
  'vacancyTerms',
  'groupPolicy',
  'privacyProcessors',
]);

const YES_NO = [
  ['yes', 'Yes'],
  ['no', 'No'],
] as const;
const ARCHIVED = [
  ['public', 'Everybody'],
  ['link', 'Whoever has the link'],
  ['none', 'Nobody: no page is made'],
] as const;

/** Settings with few values: each value and how it is called. */
export const SETTING_CHOICES: Readonly<Partial<Record<SettingKey, readonly (readonly [string, string])[]>>> =
  {
    approvalBySecondPerson: YES_NO,
    archiveMeetingInvitations: ARCHIVED,
    archiveTrainingBulletins: ARCHIVED,
    archiveVacancyBulletins: ARCHIVED,
    archiveNews: ARCHIVED,
    archiveRequests: ARCHIVED,
    archiveGroupRules: ARCHIVED,
    archivePostMeetingNotes: ARCHIVED,
    feedTrainingDates: YES_NO,
    feedClosingDates: YES_NO,
    zoomWaitingRoom: YES_NO,
    zoomRegistration: YES_NO,
    certificatesAutomatic: YES_NO,
  };
