import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { announcementBooks } from '../../announcements/books.ts';
import { query } from '../form.ts';
import { routes } from '../plugin.ts';
import { progressView } from '../views.ts';

type ById = { Params: { id: string } };

/** How often the books are looked at, in milliseconds, and how many looks one connection lasts: the browser comes back. */
const LOOK_EVERY_MS = 1_000;
const LOOKS = 120;

/**
 * The progress of an announcement as server-sent events (HTML standard, section 9.2): `figures` with the books as
 * HTML whenever they change, `state` when the whole page is another, `end` when nothing more will happen.
 */
export const announcementProgress = routes({ name: 'announcement-progress', needs: ['access'] }, (app) => {
  const { db, renderer } = app.deps;
  const closing = new AbortController();
  // An open stream would keep the server from closing.
  app.addHook('preClose', async () => closing.abort());

  app.get<ById>('/admin/announcements/:id/progress', async (request, reply) => {
    const { id } = request.params;
    // Not found is an answer, not a stream.
    await announcementBooks(db, id);
    return reply
      .type('text/event-stream; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('x-accel-buffering', 'no')
      .send(Readable.from(follow(id, query(request, 'state'))));
  });

  async function* follow(id: string, seen: string): AsyncGenerator<string> {
    let state = seen;
    let shown = '';
    for (let look = 0; look < LOOKS; look++) {
      const { announcement, books } = await announcementBooks(db, id);
      const html = renderer.page('admin/announcement-figures', progressView(announcement, books));
      if (html !== shown) yield event('figures', html);
      shown = html;
      if (announcement.state !== state) yield event('state', announcement.state);
      state = announcement.state;
      if (state !== 'approved' && state !== 'sending') {
        yield event('end', state);
        return;
      }
      try {
        await pause(LOOK_EVERY_MS, undefined, { signal: closing.signal });
      } catch {
        return;
      }
    }
  }
});

function event(name: string, text: string): string {
  const data = text
    .split('\n')
    .map((line) => `data: ${line}`)
    .join('\n');
  return `event: ${name}\n${data}\n\n`;
}
