/** What the templates of mails see: the model, and what follows from it. */
import { formatDateTime, formatDuration } from '../calendar/format.ts';
import { palette } from './colour.ts';
import { announcementView } from './announcement.ts';
import { leadOf, type Lead } from './lead.ts';
import type {
  AnnouncementModel,
  ChangedModel,
  MailKind,
  MailModels,
  MeetingChange,
  ReminderModel,
  SenderModel,
} from './mail-models.ts';
import { MAIL_TEXTS, mailText } from './mail-texts.ts';

const NEXT_DATES = 3;

const CLINICAL_LINE =
  'What we share in our meetings and mails is for learning together. It does not replace your own professional ' +
  'judgement: each of us remains responsible for our own clinical decisions.';

/** A change in words; `before` and `after` are `null` where only the fact is told. */
export interface ChangeInWords {
  readonly label: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly note: string | null;
}

export function changeInWords(change: MeetingChange, zone: string): ChangeInWords {
  switch (change.what) {
    case 'time': {
      const words = (at: string) => formatDateTime(Temporal.Instant.from(at), zone);
      return { label: 'Date and time', before: words(change.before), after: words(change.after), note: null };
    }
    case 'duration':
      return {
        label: 'Length',
        before: formatDuration(change.before),
        after: formatDuration(change.after),
        note: null,
      };
    case 'title':
      return { label: 'Title', before: change.before, after: change.after, note: null };
    case 'link':
      return {
        label: 'Joining link',
        before: null,
        after: null,
        note: 'There is a new one. The join button always leads to the right place, also in our earlier mails.',
      };
    case 'description':
      return {
        label: 'Description',
        before: null,
        after: null,
        note: 'It has been rewritten; you find it further down.',
      };
  }
}

const LOGO = { width: 140, height: 32 };

/**
 * The model of a mail with its palette, at most three further dates, the words for how far away or what changed, and those that an
 * organisation may choose.
 *
 * @throws invalidInput on `brandColour` when it is no colour
 * @throws RangeError when an instant or a zone in the model is none
 */
export function mailView<Kind extends MailKind>(kind: Kind, model: MailModels[Kind]): object {
  const { sender } = model as { sender: SenderModel };
  const common = {
    ...model,
    palette: palette(sender.brandColour),
    logo: sender.logo === null ? null : { ...sender.logo, ...fitted(sender.logo) },
    clinicalLine: sender.clinicalLine ?? CLINICAL_LINE,
    ...('nextDates' in model ? { nextDates: model.nextDates.slice(0, NEXT_DATES) } : {}),
  };
  if (kind === 'announcement') return { ...common, ...announcementView(model as AnnouncementModel) };
  const own = ownWords(textsOf(kind, model), model);
  if (kind === 'reminder') return { ...common, ...own, lead: reminderLead(model as ReminderModel) };
  if (kind === 'changed') {
    const { changes, meeting } = model as ChangedModel;
    return {
      ...common,
      ...own,
      changesInWords: changes.map((change) => changeInWords(change, meeting.zone)),
      timeChanged: changes.some((change) => change.what === 'time'),
    };
  }
  return { ...common, ...own };
}

/** The key of `MAIL_TEXTS` that a mail has its texts from; `undefined` when it has none of them. */
export function textsOf<Kind extends MailKind>(kind: Kind, model: MailModels[Kind]): string | undefined {
  if (kind === 'reminder') return `reminder-${reminderLead(model as ReminderModel).key}`;
  return kind in MAIL_TEXTS ? kind : undefined;
}

function ownWords(key: string | undefined, model: object) {
  if (key === undefined) return {};
  const context = model as { sender: SenderModel };
  return { words: mailText(key, 'words', context), subjectWords: mailText(key, 'subject', context) };
}

/** The size of a logo beside the name of the group: within a small box, and never larger than the picture is. */
function fitted({ width, height }: { width: number; height: number }) {
  const scale = Math.min(1, LOGO.width / width, LOGO.height / height);
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** How far away the meeting is at the moment that a reminder is due. */
export function reminderLead({ meeting, sendAt }: ReminderModel): Lead {
  return leadOf(Temporal.Instant.from(sendAt), Temporal.Instant.from(meeting.start), meeting.zone);
}
