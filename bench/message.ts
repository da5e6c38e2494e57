import { randomUUID } from 'node:crypto';
import type { FrozenContent } from '../src/announcements/frozen-content.ts';
import { templatesFolder } from '../src/kernel/paths.ts';
import { createRenderer } from '../src/render/renderer.ts';
import { mailSamples } from '../src/render/samples.ts';
import { createLinks } from '../src/subscribers/links.ts';
import { bulkMailMaker, type Recipient } from '../jobs/notice-mail.ts';

/** A reminder as it is sent: HTML, text and calendar entry. */
export function fullContent(): FrozenContent {
  const renderer = createRenderer({ templatesFolder });
  const { kind, model } = mailSamples(templatesFolder).find(({ name }) => name === 'reminder.one-week')!;
  return {
    ...renderer.mail(kind, model),
    calendar: {
      method: 'PUBLISH',
      filename: 'meeting.ics',
      content: [
        'BEGIN:VCALENDAR',
        'VERSION:2.0',
        'METHOD:PUBLISH',
        'BEGIN:VEVENT',
        'UID:bench@example.org',
        'DTSTART:20300602T180000Z',
        'SUMMARY:Monthly meeting',
        `DESCRIPTION:${'An evening about one question of practice. '.repeat(10)}`,
        'END:VEVENT',
        'END:VCALENDAR',
        '',
      ].join('\r\n'),
    },
    meetingSequence: null,
  };
}

export const identity = {
  from: { name: 'Bench', address: 'network@example.org' },
  domain: 'example.org',
  listId: 'Bench <announcements.example.org>',
};

export const links = createLinks({ secretKey: 'the key of a bench', baseUrl: 'https://network.example.org' });

export function recipient(n: number): Recipient {
  const id = randomUUID();
  return {
    deliveryId: id,
    subscriberId: id,
    email: `person${n}@example.org`,
    name: `Person ${n}`,
    messageId: `${id}@example.org`,
  };
}

/** One of the messages as it is sent. */
export async function exampleMessage(): Promise<Buffer> {
  const make = await bulkMailMaker(fullContent(), identity, links);
  return make(recipient(0)).raw!().bytes;
}
