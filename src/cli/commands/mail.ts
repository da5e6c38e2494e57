import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { findAnnouncement, type Announcement } from '../../announcements/announcements.ts';
import { isBulletin } from '../../announcements/bulletins-content.ts';
import { readDraft } from '../../announcements/compose.ts';
import { frozenContent, type FrozenContent } from '../../announcements/frozen-content.ts';
import { noticeContent, senderModel, type ContentContext } from '../../announcements/notice-content.ts';
import {
  exampleMeeting,
  noticePreview,
  PREVIEW_KINDS,
  type PreviewKind,
} from '../../announcements/notice-preview.ts';
import { formatReminderRule, parseReminderRule } from '../../calendar/reminder-rule.ts';
import { bulletinAsItIs } from '../../drafts/bulletin.ts';
import { writtenContent } from '../../drafts/prepare.ts';
import { parseEmailAddress } from '../../kernel/email-address.ts';
import { ConvenorError, invalidInput } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import { nearest } from '../../kernel/nearest.ts';
import { findMeeting } from '../../meetings/meetings.ts';
import { nextMeetings, type Meeting } from '../../meetings/occurrences.ts';
import { parsedBy } from '../../organisation/setting-types.ts';
import { senderIdentity, type SenderIdentity } from '../../organisation/sender-identity.ts';
import type { MailAddress, OutgoingMail } from '../../mail/types.ts';
import type { RenderedMail } from '../../render/slots.ts';
import { getSubscriber } from '../../subscribers/subscribers.ts';
import { addCommand, withApp, type Session } from '../command.ts';
import type { CliDependencies } from '../host.ts';
import { resolveId, shortId } from '../ids.ts';
import { printable } from '../output/text.ts';

/** A recipient who is nobody: links for them lead to a page that says so. */
const NOBODY = {
  subscriberId: '00000000-0000-8000-8000-000000000000',
  deliveryId: '00000000-0000-8000-8000-000000000000',
  email: 'ann@example.org',
  name: 'Ann Example',
};

/** Stands in for a sender that is not set yet, so that a notice can be looked at on the first day. */
const EXAMPLE_SENDER = 'group@example.org';

const kind = z.string().transform((text, context): PreviewKind => {
  const known = PREVIEW_KINDS.find((candidate) => candidate === text);
  if (known !== undefined) return known;
  const near = nearest(text, PREVIEW_KINDS);
  context.addIssue({
    code: 'custom',
    message: near === undefined ? `must be one of ${PREVIEW_KINDS.join(', ')}` : `did you mean ${near}?`,
  });
  return z.NEVER;
});

const NOTICE_OPTIONS = [
  { flags: '--meeting <meeting>', help: 'which meeting it is about (default: the next, or an example)' },
  { flags: '--remind <rule>', help: 'which reminder: 7d@09:00, 1d@09:00, 1h (default: the meeting’s first)' },
] as const;

const noticeShape = {
  meeting: z.string().optional(),
  remind: parsedBy((text) => formatReminderRule(parseReminderRule(text))).optional(),
};

interface NoticeChoice {
  readonly kind: PreviewKind;
  readonly meeting?: string | undefined;
  readonly remind?: string | undefined;
}

export function addMailCommands(program: Command, session: Session): void {
  addCommand(program, session, {
    usage: 'preview [announcement]',
    summary: 'write an announcement or a notice as people get it: HTML, text, calendar file, e-mail',
    options: [
      { flags: '--kind <kind>', help: `a notice instead of an announcement: ${PREVIEW_KINDS.join(', ')}` },
      { flags: '--out <folder>', help: 'folder to write into; made when it is missing' },
      { flags: '--as <subscriber>', help: 'as this person gets it: an address or id (default: an example)' },
      ...NOTICE_OPTIONS,
    ],
    examples: [
      'preview 3f2a91c4 --out preview --as ann@example.org',
      'preview --kind reminder --remind 1h --out preview',
    ],
    schema: z.object({
      announcement: z.string().optional(),
      kind: kind.optional(),
      out: z.string({ error: 'must name a folder' }).min(1),
      as: z.string().optional(),
      ...noticeShape,
    }),
    run: withApp(async (input, { app, io }) => {
      const settings = await app.settings();
      const identity = senderIdentity(
        { ...settings, contactEmail: settings.contactEmail || EXAMPLE_SENDER },
        app.config.MAIL_FROM,
      );
      const shown = await chosenContent(app, input, identity);
      const mail = app.listMail(shown.content, identity, {
        ...NOBODY,
        ...(input.as === undefined ? {} : await personNamed(app, input.as)),
        messageId: `preview@${identity.domain}`,
      });
      const folder = path.resolve(io.cwd, input.out);
      const { whatsapp, page } = shown.content;
      const files = await writeFiles(folder, shown.name, {
        html: mail.html,
        txt: mail.text,
        ...(mail.calendar ? { ics: mail.calendar.content } : {}),
        eml: await app.compose({ ...mail, date: app.clock.now() }),
        ...(whatsapp === undefined ? {} : { 'whatsapp.txt': `${whatsapp}\n` }),
        ...(page === undefined ? {} : { 'page.html': page }),
      });
      return {
        data: { ...shown.data, subject: mail.subject, files },
        text: `“${printable(mail.subject)}”\n${Object.values(files)
          .map((file) => `  ${printable(file)}\n`)
          .join('')}`,
      };
    }),
  });

  addCommand(program, session, {
    usage: 'send-test',
    summary: 'send one mail to see whether mail works',
    options: [
      { flags: '--to <address>', help: 'where to' },
      { flags: '--kind <kind>', help: `a notice instead of the plain test: ${PREVIEW_KINDS.join(', ')}` },
      ...NOTICE_OPTIONS,
    ],
    schema: z.object({
      to: z.string({ error: 'must be an e-mail address' }),
      kind: kind.optional(),
      ...noticeShape,
    }),
    run: withApp(async ({ kind: noticeKind, ...input }, { app }) => {
      const to = { address: parseEmailAddress(input.to, 'to').email };
      const identity = senderIdentity(await app.settings(), app.config.MAIL_FROM);
      const messageId = `${newId(app.clock.now())}@${identity.domain}`;
      const mail =
        noticeKind === undefined
          ? plainMail(await testMail(app), { from: identity.from, to, messageId })
          : app.listMail(await noticeFor(app, { ...input, kind: noticeKind }, identity), identity, {
              ...NOBODY,
              email: to.address,
              messageId,
            });
      const { deliveryId: _, ...message } = mail;
      const outcome = await app.mailer.send(message);
      if (outcome.result !== 'accepted') {
        throw new ConvenorError('remote_refused', `The mail was not sent. ${outcome.reason}`);
      }
      const { kind: via } = app.mailer;
      return {
        data: { to: to.address, messageId, via, response: outcome.response },
        text:
          via === 'outbox'
            ? 'No mail server is configured, so the mail is kept in the outbox. Set SMTP_URL to send.\n'
            : `The mail server took it: ${printable(outcome.response)}\n`,
      };
    }),
  });
}

/** What `preview` shows: an announcement that somebody wrote, or a notice of a meeting. */
async function chosenContent(
  app: CliDependencies,
  {
    announcement: text,
    kind: noticeKind,
    ...choice
  }: Omit<NoticeChoice, 'kind'> & {
    announcement?: string | undefined;
    kind?: PreviewKind | undefined;
  },
  identity: SenderIdentity,
): Promise<{ name: string; data: object; content: FrozenContent }> {
  if (text !== undefined) {
    const id = await resolveId(app.db, 'announcement', text, 'announcement');
    const announcement = await findAnnouncement(app.db, id);
    const content = await contentOf(app, announcement, identity);
    return { name: shortId(id), data: { announcement: id, kind: announcement.kind }, content };
  }
  if (noticeKind === undefined) {
    throw invalidInput({
      field: 'kind',
      message: `name an announcement, or one of the notices ${PREVIEW_KINDS.join(', ')}`,
    });
  }
  return {
    name: noticeKind,
    data: { kind: noticeKind },
    content: await noticeFor(app, { ...choice, kind: noticeKind }, identity),
  };
}

/** What an announcement sends: as it was frozen or approved, or as it would be now. */
async function contentOf(
  app: CliDependencies,
  announcement: Announcement,
  identity: SenderIdentity,
): Promise<FrozenContent> {
  if (announcement.content !== null) return frozenContent(announcement);
  if (await isBulletin(app.db, announcement.id)) return bulletinAsItIs(app, announcement);
  const drafted = await readDraft(app.db, announcement.id);
  if (drafted) return writtenContent(app, drafted);
  const notice = await noticeContent(app.db, announcement, await contentContext(app, identity));
  return {
    ...rendered(app, notice),
    calendar: notice.calendar,
    meetingSequence: notice.meetingSequence,
  };
}

async function contentContext(app: CliDependencies, identity: SenderIdentity): Promise<ContentContext> {
  const settings = await app.settings();
  return {
    clock: app.clock,
    settings,
    baseUrl: app.config.BASE_URL,
    organiser: { name: settings.organisationName, email: settings.contactEmail || identity.from.address },
  };
}

/** The content of a notice, rendered as if it were frozen now. */
async function noticeFor(
  app: CliDependencies,
  choice: NoticeChoice,
  identity: SenderIdentity,
): Promise<FrozenContent> {
  const context = await contentContext(app, identity);
  const notice = await noticePreview(
    app.db,
    choice.kind,
    await chosenMeeting(app, choice.meeting, context.settings.timeZone),
    context,
    ...(choice.remind === undefined ? [] : [choice.remind]),
  );
  return {
    ...rendered(app, notice),
    calendar: notice.calendar,
    meetingSequence: notice.meetingSequence,
  };
}

function rendered(
  { renderer }: CliDependencies,
  notice: Awaited<ReturnType<typeof noticePreview | typeof noticeContent>>,
): RenderedMail {
  switch (notice.kind) {
    case 'invitation':
      return renderer.mail('invitation', notice.model);
    case 'reminder':
      return renderer.mail('reminder', notice.model);
    case 'changed':
      return renderer.mail('changed', notice.model);
    case 'cancelled':
      return renderer.mail('cancelled', notice.model);
  }
}

async function chosenMeeting(
  { db, clock }: CliDependencies,
  text: string | undefined,
  zone: string,
): Promise<Meeting> {
  if (text !== undefined) return findMeeting(db, await resolveId(db, 'meeting', text, 'meeting'));
  const [next] = await nextMeetings(db, { after: clock.now(), limit: 1 });
  return next ?? exampleMeeting(zone, clock.now());
}

async function personNamed({ db }: CliDependencies, text: string) {
  const { id, email, name } = await getSubscriber(db, text);
  return { subscriberId: id, email, name };
}

async function testMail(app: CliDependencies): Promise<RenderedMail> {
  const settings = await app.settings();
  return app.renderer.mail('test', {
    sender: senderModel(settings, app.config.BASE_URL),
    requestedAt: app.clock.now().toString(),
    zone: settings.timeZone,
  });
}

function plainMail(
  { subject, html, text }: RenderedMail,
  envelope: { from: MailAddress; to: MailAddress; messageId: string },
): OutgoingMail {
  return { ...envelope, subject, html, text };
}

async function writeFiles(
  folder: string,
  name: string,
  contents: Readonly<Record<string, string | Uint8Array>>,
): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  try {
    await mkdir(folder, { recursive: true });
    for (const [extension, content] of Object.entries(contents)) {
      files[extension] = path.join(folder, `${name}.${extension}`);
      await writeFile(files[extension], content);
    }
  } catch {
    throw invalidInput({ field: 'out', message: 'must be a folder that can be written' });
  }
  return files;
}
