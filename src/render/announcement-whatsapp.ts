import { formatDateTime } from '../calendar/format.ts';
import { announcementTitle, forAll } from './announcement.ts';
import { shorten } from './clean.ts';
import type { AnnouncementModel } from './mail-models.ts';
import { markdownWhatsApp } from './markdown-text.ts';
import { neutralise, SHORTEST_DESCRIPTION, TITLE_LIMIT, WHATSAPP_LIMIT, withoutEntry } from './whatsapp.ts';

/** The text for the WhatsApp group by the given template, with as much of the body as there is room for. */
export function announcementWhatsApp(render: (view: object) => string, model: AnnouncementModel): string {
  const { meeting, sender } = model;
  const withBody = (body: string) =>
    render({
      groupName: shorten(neutralise(sender.groupName), TITLE_LIMIT),
      title: shorten(neutralise(announcementTitle(model)), TITLE_LIMIT),
      when: meeting && formatDateTime(Temporal.Instant.from(meeting.start), meeting.zone),
      link: meeting?.joinUrl ?? model.webUrl,
      clockChange: model.clockChange,
      body,
    })
      .replace(/\n{3,}/g, '\n\n')
      .trim();
  const bare = withBody('');
  const full = withoutEntry(markdownWhatsApp(model.body, forAll(model)));
  const room = WHATSAPP_LIMIT - bare.length - 2;
  if (full === '' || room < SHORTEST_DESCRIPTION) return bare;
  return withBody(closeMarks(shorten(full, room)));
}

/** A text that was cut inside a mark, without the mark that is left open. */
function closeMarks(text: string): string {
  if (!text.endsWith('…')) return text;
  const start = text.lastIndexOf('\n') + 1;
  let line = text.slice(start);
  for (const mark of ['*', '_', '~']) {
    if (line.split(mark).length % 2 === 1) continue;
    const at = line.lastIndexOf(mark);
    line = line.slice(0, at) + line.slice(at + 1);
  }
  return text.slice(0, start) + line;
}
