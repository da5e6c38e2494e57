/** What the templates of a written announcement see, and its web page. */
import { fillMergeFields, type MergeField } from '../kernel/merge-fields.ts';
import { cleanModel, shorten } from './clean.ts';
import type { AnnouncementModel } from './mail-models.ts';
import { markdownHtml, markdownOutline, type FieldValue } from './markdown.ts';
import { markdownText } from './markdown-text.ts';
import { slotMark } from './slots.ts';

/** Mail programs show about so much beside the subject. */
const PREVIEW = { least: 40, most: 100 };

/** The fields whose value is the recipient's own; in what everybody sees, their fallback stands. */
const PERSONAL = new Set(['name']);

/** In the mail, a personal field is a slot. */
const forOne =
  ({ fields }: Pick<AnnouncementModel, 'fields'>): FieldValue =>
  (field) =>
    PERSONAL.has(field.name) ? slotMark(field.name, field.fallback ?? '') : shared(fields, field);

/** On the page and in the group, nobody is addressed by name. */
export const forAll =
  ({ fields }: Pick<AnnouncementModel, 'fields'>): FieldValue =>
  (field) =>
    shared(fields, field);

function shared(fields: AnnouncementModel['fields'], { name, fallback }: MergeField): string {
  return (Object.hasOwn(fields, name) && fields[name]) || (fallback ?? '');
}

/** The subject as everybody sees it. */
export function announcementTitle(model: Pick<AnnouncementModel, 'subject' | 'fields'>): string {
  return fillMergeFields(model.subject, forAll(model)).replace(/\s+/g, ' ').trim();
}

/** What follows from the model of a written announcement, for its templates. */
export function announcementView(model: AnnouncementModel): object {
  const value = forOne(model);
  return {
    subjectLine: fillMergeFields(model.subject, value),
    heading: announcementTitle(model),
    // A text that greets by itself is not greeted twice.
    greets: !/^\s*(?:hello|hi|dear|good (?:morning|evening))\b/i.test(model.body),
    bodyHtml: markdownHtml(model.body, value),
    bodyText: markdownText(model.body, value),
    preview: previewLine(model),
  };
}

function previewLine(model: AnnouncementModel): string {
  const { passages } = markdownOutline(model.body, forAll(model));
  let words = '';
  for (const { text } of passages) {
    if (words.length >= PREVIEW.least) break;
    words = `${words} ${text}`.replace(/\s+/g, ' ').trim();
  }
  if (words.length < PREVIEW.least)
    words = `${words} A message to everybody in ${model.sender.groupName}.`.trim();
  return shorten(words, PREVIEW.most);
}

/** The body for the web page: HTML without anything that is one recipient's own. Headings begin at level 2. */
export function announcementPageHtml(model: Pick<AnnouncementModel, 'body' | 'fields'>): string {
  const { body, fields } = cleanModel({ body: model.body, fields: model.fields });
  return markdownHtml(body, forAll({ fields }));
}
