import { formatDate } from '../calendar/format.ts';
import type { BulletinItemModel, BulletinModel } from './bulletin-models.ts';
import { cleanModel, shorten } from './clean.ts';
import { neutralise, WHATSAPP_LIMIT, whatsappWords } from './whatsapp.ts';

const TITLE_LIMIT = 80;
const PLACE_LIMIT = 50;

/**
 * The text of a bulletin for the WhatsApp group: date and link first, then as many items as there is room for, and
 * how many more the page has.
 */
export function fitWhatsAppBulletin(
  render: (view: object) => string,
  kind: 'training-bulletin' | 'vacancy-bulletin',
  model: BulletinModel,
): string {
  const clean = cleanModel(model);
  const { date, count, boardUrl, groups } = clean;
  const words = whatsappWords(kind, clean);
  const lines = groups.flatMap(({ items }) => items.map(lineOf));
  const withLines = (shown: number) =>
    render({
      day: formatDate(Temporal.PlainDate.from(date)),
      boardUrl,
      count,
      words,
      lines: lines.slice(0, shown),
      more: count - shown,
    }).trim();
  let shown = lines.length;
  while (shown > 0 && withLines(shown).length > WHATSAPP_LIMIT) shown -= 1;
  return withLines(shown);
}

function lineOf({ title, when, where }: BulletinItemModel): string {
  const parts = [
    shorten(withoutLinks(title), TITLE_LIMIT),
    shorten(withoutLinks(where), PLACE_LIMIT),
    shorten(when.replace(/^Until /, 'until '), TITLE_LIMIT),
  ];
  return parts.filter((part) => part !== '').join(', ');
}

/** The text has one link, ours. */
function withoutLinks(text: string): string {
  return neutralise(text.replace(/\b(?:https?:\/\/|www\.)\S+/gi, ''));
}
