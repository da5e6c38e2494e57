import { z } from 'zod';
import { parseDate, parseWallDateTime, toInstant, toWall } from '../calendar/wall.ts';
import { TOPICS, type Topic } from '../db/schema.ts';
import { ConvenorError, invalidInput, type FieldProblem } from '../kernel/errors.ts';
import { parseFrontMatter } from '../kernel/front-matter.ts';
import { nearest } from '../kernel/nearest.ts';
import { formatWall } from '../meetings/meeting-input.ts';
import { DRAFT_KINDS, isDraftKind, type DraftKind } from './draft-kinds.ts';
import { fieldFaults } from './merge-fields.ts';

/** What a person writes. */
export interface DraftInput {
  readonly kind: DraftKind;
  readonly topic: Topic;
  readonly channel: 'smtp' | 'mailerlite';
  readonly subject: string;
  /** Markdown with merge fields. */
  readonly body: string;
  readonly meetingId: string | null;
  /** `YYYY-MM-DDTHH:MM` on the wall clock of the group; null: when approved. */
  readonly sendWall: string | null;
  /** The last day on which what it says is of use; null when it has none. */
  readonly expiresOn: Temporal.PlainDate | null;
}

export interface DraftContext {
  /** IANA zone of the group: times are on its wall clock. */
  readonly zone: string;
  /** Whether a MailerLite account is connected. */
  readonly mailerlite: boolean;
}

const WHEN_APPROVED = 'when approved';
const MOST_CHARACTERS = 50_000;

const kinds = Object.keys(DRAFT_KINDS);

function known<T extends string>(what: string, names: readonly T[]) {
  return z.string({ error: 'must be given' }).transform((text, context): T => {
    const wanted = text
      .trim()
      .toLowerCase()
      .replaceAll(/[\s-]+/g, '_');
    const found = names.find((name) => name === wanted);
    if (found !== undefined) return found;
    const meant = nearest(wanted, names);
    context.addIssue({
      code: 'custom',
      message: `"${text}" is no ${what}${meant ? `; is ${meant} meant?` : `; there are ${names.join(', ')}`}`,
    });
    return z.NEVER;
  });
}

const emptyIsAbsent = z.preprocess((value) => (value === '' ? undefined : value), z.unknown());

const schema = z.object({
  kind: known('kind of announcement', kinds),
  topic: emptyIsAbsent.pipe(known('topic', TOPICS).optional()),
  channel: emptyIsAbsent.pipe(known('channel', ['smtp', 'mailerlite'] as const).default('smtp')),
  subject: z
    .string({ error: 'must be given' })
    .trim()
    .min(1, { error: 'must not be empty' })
    .max(150, { error: 'must have at most 150 characters' })
    .refine((text) => !/\p{Cc}/u.test(text), { error: 'must be one line' }),
  body: z
    .string({ error: 'must be given' })
    .transform((text) => text.replace(/\r\n?/g, '\n').replace(/^\n+|\s+$/g, ''))
    .pipe(
      z
        .string()
        .min(1, { error: 'must not be empty' })
        .max(MOST_CHARACTERS, { error: `must have at most ${MOST_CHARACTERS} characters` }),
    ),
  meetingId: emptyIsAbsent.pipe(z.uuid({ error: 'must be the id of a meeting' }).nullish()),
  sendAt: emptyIsAbsent.pipe(z.string().default(WHEN_APPROVED)),
  expiresOn: emptyIsAbsent.pipe(z.string().nullish()),
});

/**
 * Checks what a form or the command line says of an announcement.
 *
 * @param raw keys `kind`, `topic` (by default that of the kind), `channel`, `subject`, `body`, `meetingId`, `sendAt`
 *   (wall clock of the group, or "when approved"), `expiresOn`.
 * @param bodyLine line of the file on which the body begins, for messages; 1 in a form.
 * @throws ConvenorError `invalid_input` with a problem for each wrong field; for merge fields it names the line.
 */
export function parseDraftInput(raw: unknown, context: DraftContext, bodyLine = 1): DraftInput {
  const result = schema.safeParse(raw);
  const problems: FieldProblem[] = [];
  if (!result.success) {
    const [first, ...others] = result.error.issues.map((issue) => ({
      field: String(issue.path[0] ?? 'input'),
      message: issue.message,
    }));
    throw invalidInput(first!, ...others);
  }
  const { kind, topic, channel, subject, body, meetingId, sendAt, expiresOn } = result.data;
  if (!isDraftKind(kind)) throw new ConvenorError('internal', `"${kind}" is no kind of announcement.`);
  if (kind === 'meeting_invitation' && !meetingId) {
    problems.push({ field: 'meetingId', message: 'choose the meeting that this invites to' });
  }
  if (channel === 'mailerlite' && !context.mailerlite) {
    problems.push({ field: 'channel', message: 'MailerLite is not connected; only smtp can be chosen' });
  }
  const hasMeeting = Boolean(meetingId);
  for (const { message } of fieldFaults(subject, { hasMeeting }))
    problems.push({ field: 'subject', message });
  for (const { line, message } of fieldFaults(body, { hasMeeting })) {
    problems.push({ field: 'body', message: `line ${line + bodyLine - 1}: ${message}` });
  }
  const sendWall = collected(problems, () => parseSendAt(sendAt, context.zone)) ?? null;
  const expires = expiresOn ? collected(problems, () => parseDate(expiresOn, 'expiresOn')) : null;
  const [first, ...others] = problems;
  if (first) throw invalidInput(first, ...others);
  return {
    kind,
    topic: topic ?? DRAFT_KINDS[kind].topic,
    channel,
    subject,
    body,
    meetingId: meetingId ?? null,
    sendWall,
    expiresOn: expires ?? null,
  };
}

function collected<T>(problems: FieldProblem[], parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ConvenorError) || error.code !== 'invalid_input') throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

function parseSendAt(text: string, zone: string): string | null {
  if (text.trim().toLowerCase().replaceAll('-', ' ') === WHEN_APPROVED) return null;
  const wall = parseWallDateTime(text.trim(), 'sendAt');
  if (!toWall(toInstant(wall, zone), zone).equals(wall)) {
    throw invalidInput({
      field: 'sendAt',
      message: `does not exist: the clocks of ${zone} go forward over this time`,
    });
  }
  return formatWall(wall);
}

/** How the values at the top of a file are called, and what each is. */
const FILE_KEYS: Readonly<Record<string, string>> = {
  kind: 'kind',
  topic: 'topic',
  channel: 'channel',
  subject: 'subject',
  meeting: 'meetingId',
  time: 'sendAt',
  expires: 'expiresOn',
};

/**
 * Reads an announcement from a file: `kind`, `topic`, `subject`, `meeting`, `time`, `channel` and `expires` at its
 * top, between lines of three hyphens, and the text in Markdown below.
 *
 * @param meetingNamed the id of the meeting that `meeting` names.
 * @throws ConvenorError `invalid_input` that names the key, or the line of the file; what `meetingNamed` throws.
 */
export async function parseDraftFile(
  text: string,
  context: DraftContext,
  meetingNamed: (name: string) => Promise<string>,
): Promise<DraftInput> {
  const { values, body, bodyLine } = parseFrontMatter(text);
  const raw: Record<string, string> = {};
  for (const [key, value] of Object.entries(values)) {
    const name = FILE_KEYS[key];
    if (name === undefined) {
      const meant = nearest(key, Object.keys(FILE_KEYS));
      throw invalidInput({
        field: key,
        message: `is not known here${meant ? `; is "${meant}" meant?` : `; there are ${Object.keys(FILE_KEYS).join(', ')}`}`,
      });
    }
    raw[name] = value;
  }
  if (raw['meetingId']) raw['meetingId'] = await meetingNamed(raw['meetingId']);
  try {
    return parseDraftInput({ ...raw, body }, context, bodyLine + blankLines(body));
  } catch (error) {
    throw error instanceof ConvenorError ? namedAsInFile(error) : error;
  }
}

/** The same problems, each under the name that the field has at the top of a file. */
function namedAsInFile(error: ConvenorError): ConvenorError {
  const keyOf = (field: string) => Object.keys(FILE_KEYS).find((key) => FILE_KEYS[key] === field) ?? field;
  const [first, ...others] = error.problems.map(({ field, message }) => ({ field: keyOf(field), message }));
  return first === undefined ? error : invalidInput(first, ...others);
}

/** The line of a file on which the first line of its draft's text stands, counted from 1. */
export function firstTextLine(text: string): number {
  const { body, bodyLine } = parseFrontMatter(text);
  return bodyLine + blankLines(body);
}

function blankLines(body: string): number {
  return /^\n*/.exec(body)![0].length;
}
