/**
 * The sentences of our mails and WhatsApp texts that an organisation may say in its own words. Everything around them (dates, links, the
 * way to leave) is made by the templates and cannot be lost by an edit.
 */
import { formatDate, formatDateTime, formatShortDate } from '../calendar/format.ts';
import { invalidInput } from '../kernel/errors.ts';
import { fillMergeFields, mergeFieldFaults } from '../kernel/merge-fields.ts';
import { cleanLine, cleanText } from './clean.ts';
import { HELPERS } from './helpers.ts';
import { leadOf } from './lead.ts';
import type { MeetingChange, MeetingModel, SenderModel } from './mail-models.ts';

/** What may be said in other words: the subject and a passage of the mail, and a passage of the WhatsApp text. */
export const MAIL_PARTS = ['subject', 'words', 'whatsapp'] as const;
export type MailPart = (typeof MAIL_PARTS)[number];

type MailTexts = Readonly<Partial<Record<MailPart, string>>>;

interface MailText {
  /** "A week before": which of the mails has it, within its group. */
  readonly name: string;
  readonly group: 'Reminders' | 'Changes of a meeting' | 'Bulletins' | 'People who join';
  /** The example of `templates/email/samples` that shows it. */
  readonly sample: string;
  /**
   * The texts that come with the program: the subject and the WhatsApp text as fields and plain text, the words with an
   * empty line between paragraphs. Without `whatsapp` there is no such text.
   */
  readonly shipped: MailTexts & { readonly subject: string; readonly words: string };
  /** Merge fields that this mail has beside those that all have. */
  readonly fields: readonly string[];
}

const MEETING_FIELDS = ['meetingTitle', 'meetingWhen', 'meetingDate'];

const reminder = (name: string, sample: string, words: string): MailText => ({
  group: 'Reminders',
  name,
  sample: `reminder.${sample}`,
  shipped: {
    subject: '{{howSoon}}: {{meetingTitle}}, {{meetingWhen}}',
    words,
    whatsapp: ['one-hour', 'ten-minutes'].includes(sample)
      ? 'The link takes you straight in. See you there.'
      : 'The link takes you in when we start. We look forward to seeing you.',
  },
  fields: ['howSoon', ...MEETING_FIELDS],
});

const bulletin = (kind: 'training' | 'vacancy', words: string): MailText => ({
  group: 'Bulletins',
  name: `${kind === 'training' ? 'Training' : 'Vacancy'} bulletin`,
  sample: `${kind}-bulletin`,
  shipped: {
    subject: `${kind === 'training' ? 'Training' : 'Vacancy'} bulletin, {{bulletinDate}}: {{howMany}}`,
    words,
    whatsapp: '{{howMany}}:',
  },
  fields: ['bulletinDate', 'howMany'],
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
    shipped: {
      subject: 'Changed: {{meetingTitle}}, {{nowWhen}}',
      words: 'Something about our meeting is different from what we told you before:',
      whatsapp: 'This is different from what we said before:',
    },
    fields: ['nowWhen', ...MEETING_FIELDS],
  },
  cancelled: {
    group: 'Changes of a meeting',
    name: 'Cancelled',
    sample: 'cancelled',
    shipped: {
      subject: 'Cancelled: {{meetingTitle}}, {{meetingWhen}}',
      words: 'We are sorry: this meeting will not take place. There is nothing you need to do.',
      whatsapp: 'We are sorry: this meeting will not take place.',
    },
    fields: MEETING_FIELDS,
  },
  'training-bulletin': bulletin(
    'training',
    `${passedOn} Please check dates and prices with whoever offers them.`,
  ),
  'vacancy-bulletin': bulletin(
    'vacancy',
    `${passedOn} Please ask the employer for anything that is not said here.`,
  ),
  welcome: {
    group: 'People who join',
    name: 'Welcome',
    sample: 'welcome',
    shipped: {
      subject: 'Welcome to {{groupName}}',
      words: 'Thank you for confirming your address.',
    },
    fields: [],
  },
};

/** In UTF-16 units. The WhatsApp text has to leave room for what stands around it. */
const MOST_CHARACTERS: Readonly<Record<MailPart, number>> = { subject: 150, words: 1000, whatsapp: 300 };

/** What the fields of a text are filled from; each kind of mail has some of it. */
interface TextContext {
  readonly sender: SenderModel;
  readonly meeting?: MeetingModel;
  /** When a reminder is due. */
  readonly sendAt?: string;
  readonly changes?: readonly MeetingChange[];
  /** The day of a bulletin, and what it holds. */
  readonly date?: string;
  readonly count?: number;
}

const FIELDS: Readonly<Record<string, (context: TextContext, key: string) => string | undefined>> = {
  groupName: ({ sender }) => sender.groupName,
  organisationName: ({ sender }) => sender.organisationName,
  contactEmail: ({ sender }) => sender.contactEmail,
  meetingTitle: ({ meeting }) => meeting?.title,
  meetingWhen: ({ meeting }) => meeting && whenOf(meeting),
  meetingDate: ({ meeting }) =>
    meeting &&
    formatDate(Temporal.Instant.from(meeting.start).toZonedDateTimeISO(meeting.zone).toPlainDate()),
  howSoon: ({ meeting, sendAt }) =>
    meeting &&
    sendAt &&
    leadOf(Temporal.Instant.from(sendAt), Temporal.Instant.from(meeting.start), meeting.zone).phrase,
  nowWhen: ({ meeting, changes = [] }) =>
    meeting && `${changes.some(({ what }) => what === 'time') ? 'now ' : ''}${whenOf(meeting)}`,
  bulletinDate: ({ date }) => date && formatShortDate(Temporal.PlainDate.from(date)),
  howMany: ({ count = 0 }, key) =>
    key === 'training-bulletin'
      ? HELPERS.plural(count, 'course or event', 'courses and events')
      : HELPERS.plural(count, 'open vacancy', 'open vacancies'),
};

function whenOf({ start, zone }: MeetingModel): string {
  return formatDateTime(Temporal.Instant.from(start), zone);
}

/** The merge fields that the texts of a mail may hold. */
export function mailTextFields({ fields }: Pick<MailText, 'fields'>): string[] {
  return ['groupName', 'organisationName', 'contactEmail', ...fields];
}

/** Under which key an organisation's own text is kept. */
export function mailTextKey(key: string, part: MailPart): string {
  return part === 'words' ? key : `${key}.${part}`;
}

/**
 * The texts of a mail as they were typed, checked; parts that were not typed are left out.
 *
 * @throws ConvenorError `invalid_input` on each part that is wrong; for a merge field with its line and the nearest
 *   that there is.
 */
export function parseMailTexts(
  typed: Partial<Record<MailPart, string>>,
  which: Pick<MailText, 'fields' | 'shipped'>,
): MailTexts {
  const texts: Partial<Record<MailPart, string>> = {};
  const problems = MAIL_PARTS.flatMap((part) => {
    const given = typed[part];
    if (given === undefined || which.shipped[part] === undefined) return [];
    const text = part === 'subject' ? cleanLine(given) : cleanText(given).trim();
    texts[part] = text;
    return faultsOf(text, part, which).map((message) => ({ field: part, message }));
  });
  const [first, ...others] = problems;
  if (first !== undefined) throw invalidInput(first, ...others);
  return texts;
}

function faultsOf(text: string, part: MailPart, which: Pick<MailText, 'fields'>): string[] {
  if (text === '') return ['must not be empty'];
  const most = MOST_CHARACTERS[part];
  if (text.length > most) return [`must have at most ${most} characters`];
  // WhatsApp shows a picture of the first link that it finds, which is ours.
  if (part === 'whatsapp' && /https?:\/\/|www\./i.test(text)) {
    return ['must not hold a link: Convenor puts the right one above it'];
  }
  return mergeFieldFaults(text, mailTextFields(which)).map(({ line, message }) =>
    part === 'subject' ? message : `line ${line}: ${message}`,
  );
}

/** What a mail says there: the organisation's own text, else the shipped one, with its fields filled. */
export function mailText(key: string, part: MailPart, context: TextContext): string {
  const text = context.sender.texts[mailTextKey(key, part)] ?? MAIL_TEXTS[key]!.shipped[part] ?? '';
  return fillMergeFields(text, ({ name, fallback }) => FIELDS[name]?.(context, key) ?? fallback ?? '');
}
