/**
 * The sentences of our mails that an organisation may say in its own words. Everything around them (dates, links, the
 * way to leave) is made by the templates and cannot be lost by an edit.
 */
import { formatDate, formatDateTime } from '../calendar/format.ts';
import { invalidInput } from '../kernel/errors.ts';
import { fillMergeFields, mergeFieldFaults } from '../kernel/merge-fields.ts';
import { cleanText } from './clean.ts';
import type { MeetingModel, SenderModel } from './mail-models.ts';

interface MailText {
  /** "A week before": which of the mails has it, within its group. */
  readonly name: string;
  readonly group: 'Reminders' | 'Changes of a meeting' | 'Bulletins' | 'People who join';
  /** The example of `templates/email/samples` that shows it. */
  readonly sample: string;
  /** The text that comes with the program; plain, an empty line parts paragraphs. */
  readonly shipped: string;
  readonly hasMeeting: boolean;
}

const reminder = (name: string, sample: string, shipped: string): MailText => ({
  group: 'Reminders',
  name,
  sample: `reminder.${sample}`,
  shipped,
  hasMeeting: true,
});

const passedOn = 'We pass these on as they were told to us and do not recommend one over another.';

/** Keyed by the kind of mail; for a reminder with how far away the meeting is (`lead.ts`). */
export const MAIL_TEXTS: Readonly<Record<string, MailText>> = {
  'reminder-week': reminder(
    'A week before',
    'one-week',
    'Our next meeting is a week today. If you have not yet kept the time free, now is a good moment.',
  ),
  'reminder-days': reminder(
    'Some days before',
    'three-days',
    'Our next meeting is coming up. Here is everything that you need to join us.',
  ),
  'reminder-day': reminder(
    'The day before',
    'one-day',
    'A quick reminder that we meet tomorrow. We look forward to seeing you.',
  ),
  'reminder-today': reminder(
    'On the day',
    'same-day',
    'We meet later today. It would be good to have you with us.',
  ),
  'reminder-hour': reminder(
    'An hour before',
    'one-hour',
    'We start in about an hour. Make yourself a cup of tea; you can join straight from this mail.',
  ),
  'reminder-minutes': reminder(
    'Minutes before',
    'ten-minutes',
    'We start soon. You can join straight from this mail.',
  ),
  changed: {
    group: 'Changes of a meeting',
    name: 'Moved or changed',
    sample: 'changed',
    shipped: 'Something about our meeting is different from what we told you before:',
    hasMeeting: true,
  },
  cancelled: {
    group: 'Changes of a meeting',
    name: 'Cancelled',
    sample: 'cancelled',
    shipped: 'We are sorry: this meeting will not take place. There is nothing you need to do.',
    hasMeeting: true,
  },
  'training-bulletin': {
    group: 'Bulletins',
    name: 'At the end of a training bulletin',
    sample: 'training-bulletin',
    shipped: `${passedOn} Please check dates and prices with whoever offers them.`,
    hasMeeting: false,
  },
  'vacancy-bulletin': {
    group: 'Bulletins',
    name: 'At the end of a vacancy bulletin',
    sample: 'vacancy-bulletin',
    shipped: `${passedOn} Please ask the employer for anything that is not said here.`,
    hasMeeting: false,
  },
  welcome: {
    group: 'People who join',
    name: 'Welcome',
    sample: 'welcome',
    shipped: 'Thank you for confirming your address.',
    hasMeeting: false,
  },
};

const MOST_CHARACTERS = 1000;

interface TextContext {
  readonly sender: SenderModel;
  readonly meeting?: MeetingModel;
}

const FIELDS: Readonly<Record<string, (context: TextContext) => string>> = {
  groupName: ({ sender }) => sender.groupName,
  organisationName: ({ sender }) => sender.organisationName,
  contactEmail: ({ sender }) => sender.contactEmail,
};

const MEETING_FIELDS: Readonly<Record<string, (meeting: MeetingModel) => string>> = {
  meetingTitle: ({ title }) => title,
  meetingWhen: ({ start, zone }) => formatDateTime(Temporal.Instant.from(start), zone),
  meetingDate: ({ start, zone }) =>
    formatDate(Temporal.Instant.from(start).toZonedDateTimeISO(zone).toPlainDate()),
};

/** The merge fields that a text may hold. */
export function mailTextFields({ hasMeeting }: Pick<MailText, 'hasMeeting'>): string[] {
  return [...Object.keys(FIELDS), ...(hasMeeting ? Object.keys(MEETING_FIELDS) : [])];
}

/**
 * A text as it was typed, checked.
 *
 * @throws ConvenorError `invalid_input` on `text`, for a merge field with its line and the nearest that there is.
 */
export function parseMailText(typed: string, which: Pick<MailText, 'hasMeeting'>): string {
  const text = cleanText(typed).trim();
  if (text === '') throw invalidInput({ field: 'text', message: 'must not be empty' });
  if (text.length > MOST_CHARACTERS) {
    throw invalidInput({ field: 'text', message: `must have at most ${MOST_CHARACTERS} characters` });
  }
  const [first, ...others] = mergeFieldFaults(text, mailTextFields(which)).map(({ line, message }) => ({
    field: 'text',
    message: `line ${line}: ${message}`,
  }));
  if (first !== undefined) throw invalidInput(first, ...others);
  return text;
}

/** What a mail says there: the organisation's own text, else the shipped one, with its fields filled. */
export function mailText(key: string, context: TextContext): string {
  const text = context.sender.texts[key] ?? MAIL_TEXTS[key]!.shipped;
  return fillMergeFields(
    text,
    ({ name, fallback }) =>
      FIELDS[name]?.(context) ??
      (context.meeting === undefined ? undefined : MEETING_FIELDS[name]?.(context.meeting)) ??
      fallback ??
      '',
  );
}
