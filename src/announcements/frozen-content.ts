import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Announcement } from './announcements.ts';
import { ConvenorError } from '../kernel/errors.ts';

const schema = z.object({
  subject: z.string(),
  /** With marks where each recipient's own values go. */
  html: z.string(),
  text: z.string(),
  calendar: z
    .object({ method: z.enum(['PUBLISH', 'CANCEL']), content: z.string(), filename: z.string() })
    .nullable(),
  /** The version of the meeting that this tells of; null for an announcement without a meeting. */
  meetingSequence: z.number().int().nullable(),
  /** The text for the WhatsApp group; left out where it is made when it is asked for. */
  whatsapp: z.string().optional(),
  /** The subject as everybody sees it, without anybody's name; left out where it is the subject. */
  title: z.string().optional(),
  /** The body of the web page, as HTML; left out when there is none. */
  page: z.string().optional(),
});

/** What an announcement sends, as it was when it was frozen: later changes of templates or settings do not reach it. */
export type FrozenContent = z.output<typeof schema>;

/** SHA-256 of the content, in hexadecimal. */
export function hashContent(content: FrozenContent): string {
  return createHash('sha256')
    .update(JSON.stringify(schema.parse(content)))
    .digest('hex');
}

/**
 * The frozen content of an announcement.
 *
 * @throws ConvenorError `wrong_state` when it has none; `internal` when it does not match its hash.
 */
export function frozenContent(announcement: Pick<Announcement, 'content' | 'contentHash'>): FrozenContent {
  if (announcement.content === null) {
    throw new ConvenorError('wrong_state', 'This announcement has not been frozen yet.');
  }
  const content = schema.parse(announcement.content);
  if (hashContent(content) !== announcement.contentHash) {
    throw new ConvenorError('internal', 'The content of this announcement was altered after it was frozen.');
  }
  return content;
}
