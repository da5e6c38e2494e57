import { formatDateTime } from '../../calendar/format.ts';
import { listSettings, type SettingKey } from '../../organisation/settings.ts';
import { queueServiceMail } from '../../organisation/service-mails.ts';
import { acting, changeSettings } from '../acting.ts';
import { field, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { nationOptions } from './set-up.ts';

interface Group {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly keys: readonly SettingKey[];
}

const GROUPS: readonly Group[] = [
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
    id: 'mail',
    title: 'In every mail',
    about: 'The lines at the foot.',
    keys: ['whyYouGetThis', 'clinicalLine', 'listDomain'],
  },
  {
    id: 'announcements',
    title: 'Announcements',
    about: 'Who approves them, how late they may still go out, and names that need no warning.',
    keys: ['approvalBySecondPerson', 'announcementLateHours', 'namesAllowed'],
  },
  {
    id: 'noticeboard',
    title: 'Noticeboard',
    about: 'What employers accept with a vacancy, and which dates are in the calendar feed.',
    keys: ['vacancyTerms', 'feedTrainingDates', 'feedClosingDates'],
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
    id: 'mailerlite',
    title: 'MailerLite',
    about: 'What your plan allows, to be warned in time, and the way back for people who left there.',
    keys: ['mailerliteFormUrl', 'mailerlitePlanSubscribers', 'mailerlitePlanMails'],
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
    id: 'privacy',
    title: 'Policy and privacy',
    about:
      'What the group’s policy and the privacy notice say, and how long data is kept: “24 months”, “14 days”, or “keep”.',
    keys: [
      'groupPolicy',
      'privacyProcessors',
      'retentionUnconfirmed',
      'retentionLeft',
      'retentionEvidence',
      'retentionSendLog',
      'retentionServiceMails',
      'retentionOutbox',
      'retentionWebhooks',
      'retentionComplaints',
      'retentionAttendance',
      'retentionCertificates',
      'retentionItemsUnconfirmed',
      'retentionSubmitters',
      'retentionItems',
      'retentionAudit',
    ],
  },
];

const NAMES: Partial<Record<SettingKey, string>> = {
  organisationName: 'Organisation',
  groupName: 'Name of the group',
  contactEmail: 'Contact address',
  postalAddress: 'Postal address',
  brandColour: 'Colour',
  timeZone: 'Time zone',
  quietHours: 'Quiet hours',
  bankHolidays: 'Bank holidays',
  whyYouGetThis: 'Why people get it',
  clinicalLine: 'Clinical responsibility',
  listDomain: 'Domain of the list',
  approvalBySecondPerson: 'A second person approves',
  announcementLateHours: 'Still sent when late, in hours',
  namesAllowed: 'Names without a warning',
  vacancyTerms: 'Terms of business for vacancies',
  feedTrainingDates: 'Training dates in the calendar',
  feedClosingDates: 'Closing dates in the calendar',
  archiveMeetingInvitations: 'Invitations to meetings',
  archiveTrainingBulletins: 'Training bulletins',
  archiveVacancyBulletins: 'Vacancy bulletins',
  archiveNews: 'News',
  archiveRequests: 'Requests',
  archiveGroupRules: 'Reminders of the rules',
  archivePostMeetingNotes: 'Notes after meetings',
  mailerliteFormUrl: 'Form in MailerLite',
  mailerlitePlanSubscribers: 'Subscribers in your plan',
  mailerlitePlanMails: 'Mails a month in your plan',
  zoomHost: 'Host',
  zoomAlternativeHosts: 'Alternative hosts',
  zoomWaitingRoom: 'Waiting room',
  zoomRegistration: 'Registration with Zoom',
  certificateShare: 'Share of the meeting',
  certificatesAutomatic: 'By themselves',
  groupPolicy: 'Policy of the group',
  privacyProcessors: 'Who handles data for you',
  retentionUnconfirmed: 'Requests never confirmed',
  retentionLeft: 'People who have left',
  retentionEvidence: 'Browser data of an agreement',
  retentionSendLog: 'Who was sent what',
  retentionServiceMails: 'Mail to one person',
  retentionOutbox: 'Outbox',
  retentionWebhooks: 'Notices from MailerLite and Zoom',
  retentionComplaints: 'Complaints',
  retentionAttendance: 'Attendance and answers',
  retentionCertificates: 'Certificates',
  retentionItemsUnconfirmed: 'Items never confirmed',
  retentionSubmitters: 'Who handed in an item',
  retentionItems: 'Ended items',
  retentionAudit: 'What administrators did',
};

const YES_NO = [
  ['no', 'no'],
  ['yes', 'yes'],
] as const;

const ARCHIVED = [
  ['public', 'Everybody, listed in the archive'],
  ['link', 'Whoever has the link'],
  ['none', 'Nobody'],
] as const;

const LONG: ReadonlySet<SettingKey> = new Set([
  'postalAddress',
  'whyYouGetThis',
  'clinicalLine',
  'groupPolicy',
  'privacyProcessors',
  'namesAllowed',
  'vacancyTerms',
]);

const YES_OR_NO: ReadonlySet<SettingKey> = new Set([
  'approvalBySecondPerson',
  'zoomWaitingRoom',
  'zoomRegistration',
  'certificatesAutomatic',
  'feedTrainingDates',
  'feedClosingDates',
]);

/** The organisation's settings, made from the table that describes them, and the connections to the outside. */
export const settingsPages = routes({ name: 'settings', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, config, nudge } = app.deps;

  app.get('/admin/settings', async (_request, reply) =>
    reply.page('admin/settings', await model(freshForm(), '')),
  );

  app.post<{ Params: { group: string } }>('/admin/settings/:group', async (request, reply) => {
    const context = await acting(request);
    const group = GROUPS.find(({ id }) => id === request.params.group);
    if (group === undefined) return reply.callNotFound();
    const values = Object.fromEntries(group.keys.map((key) => [key, field(request, key)]));
    try {
      await changeSettings(
        db,
        group.keys.map((key) => [key, values[key]!]),
        context,
      );
    } catch (error) {
      return reply
        .code(422)
        .page('admin/settings', await model(rejectedForm(values, error, NAMES as never), group.id));
    }
    await nudge();
    flash(request, 'good', `“${group.title}” is saved.`);
    return reply.redirect(`/admin/settings#${group.id}`, 303);
  });

  app.post('/admin/settings/test-mail', async (request, reply) => {
    await acting(request);
    const { email, id } = request.admin!;
    const now = clock.now();
    await queueServiceMail(
      db,
      {
        kind: 'test',
        to: { kind: 'address', address: email },
        data: { requestedAt: now.toString() },
        dedupeKey: `test:${id}:${now.epochMilliseconds}`,
      },
      { clock },
    );
    await nudge();
    flash(
      request,
      'good',
      config.SMTP_URL === undefined
        ? 'The test mail is on its way to the outbox.'
        : 'The test mail is on its way to you. Look at your inbox in a minute, and at the spam folder.',
    );
    return reply.redirect('/admin/settings#connections', 303);
  });

  async function model(form: FormModel, wrongGroup: string) {
    const stored = new Map((await listSettings(db)).map((view) => [view.key, view]));
    return {
      title: 'Settings',
      section: 'settings',
      form,
      groups: GROUPS.map((group) => ({
        ...group,
        fields: group.keys.map((key) => {
          const view = stored.get(key)!;
          const value = group.id === wrongGroup ? (form.values[key] as string) : view.value;
          return {
            id: key,
            label: NAMES[key] ?? key,
            hint: view.help,
            value,
            error: form.errors[key],
            isLong: LONG.has(key),
            isColour: key === 'brandColour',
            options: optionsOf(key, value),
          };
        }),
      })),
      connections: {
        smtp: config.SMTP_URL !== undefined,
        from: config.MAIL_FROM ?? '',
        mailerlite: config.MAILERLITE_API_KEY !== undefined,
        zoom: config.ZOOM_CLIENT_ID !== undefined,
        now: formatDateTime(clock.now(), stored.get('timeZone')!.value),
      },
    };
  }
});

/** The choices of a setting that is not typed. */
function optionsOf(key: SettingKey, value: string) {
  if (key === 'bankHolidays') return nationOptions(value);
  if (YES_OR_NO.has(key)) return choices(YES_NO, value);
  return key.startsWith('archive') ? choices(ARCHIVED, value) : undefined;
}

function choices(known: readonly (readonly [value: string, label: string])[], chosen: string) {
  return known.map(([value, label]) => ({ value, label, selected: value === chosen }));
}
