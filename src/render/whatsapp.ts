/**
 * The text that an administrator posts in the WhatsApp group. WhatsApp has no escape character, so what people
 * wrote is made harmless before it stands between marks of ours.
 */
import { formatDateTime } from '../calendar/format.ts';
import { cleanLine, cleanText, shorten } from './clean.ts';
import type {
  ChangedModel,
  CancelledModel,
  MailModels,
  ReminderModel,
  SenderModel,
  WhatsAppNotice,
} from './mail-models.ts';
import { mailText } from './mail-texts.ts';
import { changeInWords, reminderLead, textsOf } from './mail-view.ts';
import { withoutMarks } from './whatsapp-marks.ts';

/** UTF-16 units; longer texts fold away in the app and make share links too long. */
export const WHATSAPP_LIMIT = 1000;

export const TITLE_LIMIT = 120;
const SENTENCE_LIMIT = 200;
export const SHORTEST_DESCRIPTION = 40;

/** Text from people on one line that makes no marks, no list and no quotation. */
export function neutralise(text: string): string {
  return withoutMarks(cleanLine(text)).replace(/^[>\-•\s]+/, '');
}

/** A description without its links (the text has one, ours) and without lines that tell how to get in. */
function publicDescription(text: string): string {
  return withoutEntry(cleanText(text)).replace(/\b(?:https?:\/\/|www\.)\S+/gi, '');
}

/** A text without the lines that tell how to get into a meeting: the group may be larger than the list. */
export function withoutEntry(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/pass\s?code|password|meeting\s+id\b/i.test(line))
    .join('\n');
}

/** What the templates in `templates/whatsapp` see. */
function whatsappView<Kind extends WhatsAppNotice>(
  kind: Kind,
  model: MailModels[Kind],
  description: string,
): object {
  const { meeting, sender, clockChange } = model;
  const key = textsOf(kind, model);
  const title = shorten(neutralise(meeting.title), TITLE_LIMIT);
  return {
    groupName: shorten(neutralise(sender.groupName), TITLE_LIMIT),
    title,
    ...(key === undefined ? {} : { words: whatsappWords(key, { ...model, meeting: { ...meeting, title } }) }),
    when: formatDateTime(Temporal.Instant.from(meeting.start), meeting.zone),
    durationMinutes: meeting.durationMinutes,
    joinUrl: meeting.joinUrl,
    pageUrl: meeting.pageUrl,
    clockChange,
    description,
    ...(kind === 'reminder' ? { lead: reminderLead(model as ReminderModel) } : {}),
    ...(kind === 'changed' ? { changes: changes(model as ChangedModel) } : {}),
    ...(kind === 'cancelled' ? { reason: sentence((model as CancelledModel).reason) } : {}),
  };
}

/** A text that an organisation may choose; what is filled in makes no marks, unlike what was typed around it. */
export function whatsappWords<Model extends { readonly sender: SenderModel }>(
  key: string,
  model: Model,
): string {
  const { groupName, organisationName } = model.sender;
  const sender = {
    ...model.sender,
    groupName: neutralise(groupName),
    organisationName: neutralise(organisationName),
  };
  return mailText(key, 'whatsapp', { ...model, sender });
}

function sentence(text: string | null): string | null {
  return text === null ? null : shorten(neutralise(text), SENTENCE_LIMIT);
}

function changes({ changes: list, meeting }: ChangedModel): object[] {
  return list.map((change) => {
    const words = changeInWords(change, meeting.zone);
    const short = (text: string | null) => (text === null ? null : shorten(neutralise(text), TITLE_LIMIT));
    return { label: words.label, before: short(words.before), after: short(words.after) };
  });
}

/** The text by the given template, with as much of the description as there is room for. */
export function fitWhatsApp<Kind extends WhatsAppNotice>(
  render: (view: object) => string,
  kind: Kind,
  model: MailModels[Kind],
): string {
  const withDescription = (description: string) =>
    render(whatsappView(kind, model, description))
      .replace(/\n{3,}/g, '\n\n')
      .trim();
  const bare = withDescription('');
  const room = WHATSAPP_LIMIT - bare.length - 2;
  const full = neutralise(publicDescription(model.meeting.description));
  if (full === '' || room < SHORTEST_DESCRIPTION) return bare;
  return withDescription(shorten(full, room));
}

/** A link that opens WhatsApp's list of chats with the text as a draft. Nothing is sent by it. */
export function waMeLink(text: string): string {
  return `https://wa.me/?text=${encodeURIComponent(text.replace(/\p{Surrogate}/gu, ''))}`;
}
