import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { previewBulletin } from '../../announcements/bulletins-content.ts';
import { findBulletinSchedule } from '../../announcements/bulletins-schedules.ts';
import { formatDateTime } from '../../calendar/format.ts';
import { BULLETIN_TOPICS, type BulletinTopic } from '../../db/schema.ts';
import { invalidInput } from '../../kernel/errors.ts';
import { nearest } from '../../kernel/nearest.ts';
import { fillSlots } from '../../render/slots.ts';
import { addCommand, addGroup, withApp, type Session } from '../command.ts';
import { shortId } from '../ids.ts';
import { printable } from '../output/text.ts';

const topic = z.string().transform((text, context): BulletinTopic => {
  const known = BULLETIN_TOPICS.find((one) => one === text);
  if (known !== undefined) return known;
  const near = nearest(text, BULLETIN_TOPICS);
  context.addIssue({
    code: 'custom',
    message: near === undefined ? `must be one of ${BULLETIN_TOPICS.join(', ')}` : `did you mean ${near}?`,
  });
  return z.NEVER;
});

export function addBulletinCommands(program: Command, session: Session): void {
  const group = addGroup(program, 'bulletin', 'bulletins that gather items of the noticeboard');

  addCommand(group, session, {
    usage: 'preview <topic>',
    summary: 'show the next bulletin, drafted or as it would be with what is approved now',
    options: [
      { flags: '--out <folder>', help: 'also write it as HTML, text and WhatsApp text into this folder' },
    ],
    examples: ['bulletin preview vacancies', 'bulletin preview training --out preview --json'],
    schema: z.object({ topic, out: z.string().min(1).optional() }),
    run: withApp(async (input, { app, io }) => {
      const settings = await app.settings();
      const { BASE_URL: baseUrl } = app.config;
      const organiser = { name: settings.organisationName, email: settings.contactEmail };
      const context = { clock: app.clock, settings, baseUrl, organiser };
      const { kind, model, sendAt, zone, drafted } = await previewBulletin(app.db, input.topic, context);
      const schedule = await findBulletinSchedule(app.db, input.topic);
      const mail = fillSlots(app.renderer.mail(kind, model), {
        greetingName: 'Ann',
        unsubscribeUrl: `${baseUrl}/u/example`,
        preferencesUrl: `${baseUrl}/preferences/example`,
        rsvpUrl: `${baseUrl}/rsvp/example`,
      });
      const whatsapp = app.renderer.whatsapp(kind, model);
      const files =
        input.out === undefined
          ? undefined
          : await writeOutputs(path.resolve(io.cwd, input.out), kind, { ...mail, whatsapp });
      const waits = drafted ? drafted.state === 'awaiting_approval' : schedule?.approval === 'wait';
      const when =
        schedule === undefined
          ? 'There is no schedule for it, so it does not go out.'
          : drafted?.state === 'held'
            ? `It is on hold; it was to go out on ${formatDateTime(sendAt, zone)}.`
            : `It goes out on ${formatDateTime(sendAt, zone)}${waits ? ', once it is approved' : ''}.`;
      const next =
        drafted?.state === 'awaiting_approval'
          ? ` Approve it with: convenor approve ${shortId(drafted.id)}`
          : '';
      const empty = model.count === 0 ? ' There is nothing to put in it: as it stands it is skipped.' : '';
      return {
        data: {
          topic: input.topic,
          announcement: drafted?.id ?? null,
          state: drafted?.state ?? null,
          sendAt: schedule ? sendAt : null,
          zone,
          approval: schedule?.approval ?? null,
          subject: mail.subject,
          introduction: model.introduction,
          count: model.count,
          groups: model.groups,
          text: mail.text,
          html: mail.html,
          whatsapp,
          ...(files ? { files } : {}),
        },
        text: `${when}${empty}${next}\n\nSubject: ${printable(mail.subject)}\n\n${mail.text
          .split('\n')
          .map(printable)
          .join('\n')}${files ? `\n${files.map((file) => `${printable(file)}\n`).join('')}` : ''}`,
      };
    }),
  });
}

async function writeOutputs(
  folder: string,
  name: string,
  { html, text, whatsapp }: { html: string; text: string; whatsapp: string },
): Promise<string[]> {
  const contents = { html: html, txt: text, 'whatsapp.txt': whatsapp };
  try {
    await mkdir(folder, { recursive: true });
    const files: string[] = [];
    for (const [extension, content] of Object.entries(contents)) {
      const file = path.join(folder, `${name}.${extension}`);
      await writeFile(file, content);
      files.push(file);
    }
    return files;
  } catch {
    throw invalidInput({ field: 'out', message: 'must be a folder that can be written' });
  }
}
