import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { kindLabel } from '../../announcements/announcements.ts';
import { UNDO } from '../../announcements/approval.ts';
import { undoApproval } from '../../announcements/approval-withdrawal.ts';
import { audienceSize } from '../../announcements/audience-of.ts';
import { approveBulletin, bulletinSendTime } from '../../announcements/bulletins-changes.ts';
import { isBulletin } from '../../announcements/bulletins-content.ts';
import { findDraftedBulletin } from '../../announcements/bulletins-overview.ts';
import { firstTextLine, parseDraftFile } from '../../announcements/compose-input.ts';
import { createDraft } from '../../announcements/compose.ts';
import { formatDateTime } from '../../calendar/format.ts';
import { approveDraft, draftRules, prepareDraft, type DraftView } from '../../drafts/prepare.ts';
import { ConvenorError, invalidInput } from '../../kernel/errors.ts';
import { findingKey } from '../../kernel/finding.ts';
import { nextMeetings } from '../../meetings/occurrences.ts';
import { CLI_ACTOR } from '../actor.ts';
import { addCommand, withApp, type AppContext, type Session } from '../command.ts';
import type { CliDependencies, CliIo } from '../host.ts';
import { resolveId, shortId } from '../ids.ts';
import { fields } from '../output/table.ts';
import { count, printable } from '../output/text.ts';
import { write } from '../output/write.ts';

/** Announcements that a person writes: from a file to a draft, and its approval. */
export function addDraftCommands(program: Command, session: Session): void {
  addCommand(program, session, {
    usage: 'announce <file>',
    summary: 'keep a Markdown file as a draft; nothing goes out before it is approved',
    examples: [
      'announce news.md',
      'announce news.md --json   # the file begins with kind:, subject:, time: between lines of ---',
    ],
    schema: z.object({ file: z.string() }),
    run: withApp(async ({ file }, { app, io }) => {
      const rules = draftRules(await app.settings(), app.config);
      const text = await textOf(file, io);
      const input = await parseDraftFile(text, rules, (name) => meetingNamed(app, name));
      const { announcement } = await createDraft(app.db, input, {
        clock: app.clock,
        actor: CLI_ACTOR,
        zone: rules.zone,
      });
      await app.nudge();
      const view = await prepareDraft(app, announcement.id);
      return {
        data: viewData(view),
        text: `${viewText(view, app, firstTextLine(text))}It is a draft. Approve it with: convenor approve ${shortId(announcement.id)}\n`,
      };
    }),
  });

  addCommand(program, session, {
    usage: 'approve <announcement>',
    summary: 'let a draft, or a bulletin that waits, go out; for five minutes "undo" takes a draft back',
    options: [
      {
        flags: '--hash <hash>',
        help: 'what you saw, as "announce --json" gives it (default: you are asked)',
      },
      {
        flags: '--confirm <key>',
        help: 'a warning that is all right, by its key; may be repeated',
        repeatable: true,
      },
      { flags: '--confirm-all', help: 'all warnings are all right' },
    ],
    schema: z.object({
      announcement: z.string(),
      hash: z.string().optional(),
      confirm: z.array(z.string()).default([]),
      confirmAll: z.boolean().default(false),
    }),
    run: withApp(async (input, { app, io, json }) => {
      const id = await resolveId(app.db, 'announcement', input.announcement, 'announcement');
      if (await isBulletin(app.db, id)) return approveTheBulletin(id, { app, io, json });
      const view = await prepareDraft(app, id);
      const warnings = view.findings.filter(({ level }) => level === 'warning').map(findingKey);
      const asked = input.hash === undefined && !json ? await askPerson(view, app, io) : undefined;
      const hash = input.hash ?? asked;
      if (hash === undefined) {
        throw invalidInput({
          field: 'hash',
          message:
            'say what you approve: --hash with the hash that "announce --json" gave, or use a terminal',
        });
      }
      const confirmedWarnings = input.confirmAll || asked !== undefined ? warnings : input.confirm;
      const approved = await approveDraft(app, id, { hash, confirmedWarnings }, CLI_ACTOR);
      await app.nudge();
      const { announcement, draft } = approved;
      const waits = announcement.state === 'awaiting_approval';
      return {
        data: {
          announcement: id,
          state: announcement.state,
          hash,
          audience: view.audience,
          channel: announcement.channel,
          sendAt: waits ? null : announcement.sendAt,
          zone: announcement.zone,
          undoUntil: draft.undoUntil,
        },
        text: waits
          ? `${named(view)} waits: somebody else than its writer must approve it.\n`
          : `${named(view)} goes out on ${formatDateTime(announcement.sendAt, announcement.zone)}. For five minutes "convenor undo ${shortId(id)}" takes that back.\n`,
      };
    }),
  });

  addCommand(program, session, {
    usage: 'undo <announcement>',
    summary: 'take an approval back within five minutes',
    schema: z.object({ announcement: z.string() }),
    run: withApp(async (input, { app }) => {
      const id = await resolveId(app.db, 'announcement', input.announcement, 'announcement');
      const { announcement } = await undoApproval(app.db, id, { clock: app.clock, actor: CLI_ACTOR });
      return {
        data: { announcement: id, state: announcement.state },
        text: `“${printable(announcement.title)}” is a draft again. Nobody has got it.\n`,
      };
    }),
  });
}

/** The meeting that a file names: the next one, or one by its id or a part of it. */
async function meetingNamed({ db, clock }: CliDependencies, name: string): Promise<string> {
  if (name.toLowerCase() === 'next') {
    const [next] = await nextMeetings(db, { after: clock.now(), limit: 1 });
    if (next === undefined) throw invalidInput({ field: 'meeting', message: 'there is no coming meeting' });
    return next.id;
  }
  if (!/^[0-9a-f-]{8,36}$/i.test(name)) {
    const message = `"${name}" names no meeting: write next, or the id of a meeting or its last 8 characters`;
    throw invalidInput({ field: 'meeting', message });
  }
  return resolveId(db, 'meeting', name, 'meeting');
}

/** Lets a bulletin go out that waits for it; a person at a terminal sees to whom and when, and is asked. */
async function approveTheBulletin(id: string, { app, io, json }: Pick<AppContext, 'app' | 'io' | 'json'>) {
  const settings = await app.settings();
  const now = app.clock.now();
  const { announcement } = await findDraftedBulletin(app.db, id);
  const audience = await audienceSize(app.db, announcement, now);
  if (io.ask !== undefined && !json && announcement.state === 'awaiting_approval') {
    const sendAt = bulletinSendTime(announcement, now, settings);
    const message = `Send “${printable(announcement.title)}” to ${reach({ audience, announcement, sendAt }, now)}?`;
    if ((await io.ask({ kind: 'confirm', message, initial: 'no' })) !== 'yes') throw brokenOff();
  }
  const context = { clock: app.clock, actor: CLI_ACTOR, settings };
  const approved = await approveBulletin(app.db, id, { unchangedSince: announcement.updatedAt }, context);
  await app.nudge();
  const { state, channel, sendAt, zone, title } = approved;
  return {
    data: { announcement: id, state, audience, channel, sendAt, zone },
    text: `“${printable(title)}” goes out on ${formatDateTime(sendAt, zone)}. Until then "convenor hold ${shortId(id)}" stops it.\n`,
  };
}

function brokenOff(): ConvenorError {
  return new ConvenorError('wrong_state', 'Broken off: nothing was approved.');
}

async function textOf(file: string, io: CliIo): Promise<string> {
  try {
    return await readFile(path.resolve(io.cwd, file), 'utf8');
  } catch {
    throw invalidInput({ field: 'file', message: `${file} cannot be read` });
  }
}

/**
 * Shows a person at a terminal what they are about to approve, and asks. What stands against it is not asked about:
 * the approval says it.
 *
 * @returns the hash of what was shown; `undefined` when nobody can be asked.
 */
async function askPerson(view: DraftView, app: CliDependencies, io: CliIo): Promise<string | undefined> {
  const { findings, hash } = view;
  if (io.ask === undefined) return undefined;
  if (findings.some(({ level }) => level === 'error')) return hash;
  await write(io.stderr, viewText(view, app));
  const all = findings.length === 0 ? '' : 'The warnings are all right: ';
  const message = `${all}send to ${reach(view, app.clock.now())}?`;
  if ((await io.ask({ kind: 'confirm', message, initial: 'no' })) !== 'yes') throw brokenOff();
  return hash;
}

/** "212 people by smtp in five minutes". */
function reach(
  { audience, announcement, sendAt }: Pick<DraftView, 'audience' | 'announcement' | 'sendAt'>,
  now: Temporal.Instant,
): string {
  const soon = Temporal.Instant.compare(sendAt, now.add(UNDO)) <= 0;
  const when = soon ? 'in five minutes' : `on ${formatDateTime(sendAt, announcement.zone)}`;
  return `${count(audience, 'person', 'people')} by ${announcement.channel} ${when}`;
}

/** A draft as `--json` gives it: `hash` names exactly this content for `approve`. */
function viewData({ announcement, draft, hash, audience, sendAt, findings, revision }: DraftView) {
  return {
    id: announcement.id,
    state: announcement.state,
    kind: announcement.kind,
    topic: announcement.topic,
    channel: announcement.channel,
    subject: draft.subject,
    meeting: announcement.meetingId,
    revision,
    hash,
    audience,
    sendAt,
    zone: announcement.zone,
    whenApproved: draft.sendWall === null,
    findings: findings.map((finding) => ({ ...finding, key: findingKey(finding) })),
  };
}

/** @param firstLine what the first line of the text counts as, where the text came from a file. */
function viewText(view: DraftView, { clock }: CliDependencies, firstLine = 1): string {
  const { announcement, draft, findings } = view;
  const facts = fields([
    ['Announcement', view.content.title ?? draft.subject],
    ['Kind', kindLabel(announcement.kind)],
    ['Goes to', reach(view, clock.now()) + (draft.sendWall === null ? ' once it is approved' : '')],
  ]);
  const lines = findings.map(({ level, check, line, message }) => {
    const where = line === undefined ? check : `${check}, line ${line + firstLine - 1}`;
    return `  ${level}: ${printable(`${where}: ${message}`)}\n`;
  });
  return `${facts}${lines.join('')}`;
}

function named({ content, draft }: DraftView): string {
  return `“${printable(content.title ?? draft.subject)}”`;
}
