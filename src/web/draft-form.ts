/** The form in which an announcement is written: its fields, its choices, and how both become what the domain reads. */
import type { FastifyRequest } from 'fastify';
import { kindLabel } from '../announcements/announcements.ts';
import { parseDraftInput, type DraftContext, type DraftInput } from '../announcements/compose-input.ts';
import type { DraftedAnnouncement } from '../announcements/compose.ts';
import { DRAFT_KINDS, type DraftKind } from '../announcements/draft-kinds.ts';
import { MERGE_FIELDS } from '../announcements/merge-fields.ts';
import { formatShortDateTime, zoneLabel } from '../calendar/format.ts';
import { toWall } from '../calendar/wall.ts';
import type { Tx } from '../db/open.ts';
import { TOPICS } from '../db/schema.ts';
import { findMeeting } from '../meetings/meetings.ts';
import { meetingsBetween } from '../meetings/occurrences.ts';
import { field, isUuid, query, type FormModel } from './form.ts';
import { CHANNEL_WORDS, TOPIC_WORDS } from './words.ts';

/** Fields of the form as they were typed. */
const FIELDS = [
  'kind',
  'topic',
  'channel',
  'subject',
  'body',
  'meetingId',
  'when',
  'date',
  'time',
  'expiresOn',
  'seen',
] as const;
export type DraftFields = Readonly<Record<(typeof FIELDS)[number], string>>;

/** How the fields are called in the sentence that says what is wrong. */
export const DRAFT_LABELS = {
  kind: 'Kind',
  topic: 'Topic',
  channel: 'Channel',
  subject: 'Subject:',
  body: 'Text:',
  meetingId: 'Meeting:',
  date: 'Time',
  expiresOn: 'Last day',
};

const FIRST_KIND: DraftKind = 'news';
const MEETINGS_BEFORE = { hours: 24 * 31 };
const MEETINGS_AHEAD = { hours: 24 * 125 };

/** An empty form, with what the address that led to it says. */
export function freshDraft(request: FastifyRequest): DraftFields {
  return {
    kind: query(request, 'kind') || FIRST_KIND,
    topic: '',
    channel: 'smtp',
    subject: '',
    body: '',
    meetingId: query(request, 'meeting'),
    when: 'approved',
    date: '',
    time: '',
    expiresOn: '',
    seen: '',
  };
}

export function postedDraft(request: FastifyRequest): DraftFields {
  const fields = Object.fromEntries(FIELDS.map((name) => [name, field(request, name)])) as DraftFields;
  return { ...fields, when: fields.when || 'approved' };
}

export function storedDraft({ announcement, draft }: DraftedAnnouncement): DraftFields {
  const [date = '', time = ''] = draft.sendWall?.split('T') ?? [];
  return {
    kind: announcement.kind,
    topic: announcement.topic,
    channel: announcement.channel,
    subject: draft.subject,
    body: draft.body,
    meetingId: announcement.meetingId ?? '',
    when: draft.sendWall === null ? 'approved' : 'at',
    date,
    time,
    expiresOn:
      draft.expiresAt === null
        ? ''
        : toWall(draft.expiresAt, announcement.zone).toPlainDate().subtract({ days: 1 }).toString(),
    seen: String(draft.revision),
  };
}

/** @throws ConvenorError `invalid_input` with a problem for each wrong field of the form. */
export function draftOf(fields: DraftFields, context: DraftContext): DraftInput {
  const { when, date, time, ...rest } = fields;
  return parseDraftInput({ ...rest, sendAt: when === 'at' ? `${date}T${time}` : '' }, context);
}

/** The problems of a form, at the fields that the page has. */
export function atFields(form: FormModel): FormModel {
  const move = (name: string) => (name === 'sendAt' ? 'date' : name);
  return {
    ...form,
    errors: Object.fromEntries(
      Object.entries(form.errors).map(([name, message]) => [move(name), message] as const),
    ),
    problems: form.problems.map(({ field: name, message }) => ({ field: move(name), message })),
  };
}

interface Choice {
  readonly value: string;
  readonly label: string;
  readonly selected: boolean;
}

/** What can be chosen: kinds, topics, meetings near today, channels that are connected. */
export async function draftChoices(
  tx: Tx,
  fields: DraftFields,
  { zone, mailerlite, now }: DraftContext & { now: Temporal.Instant },
) {
  const near = await meetingsBetween(tx, now.subtract(MEETINGS_BEFORE), now.add(MEETINGS_AHEAD));
  const { meetingId } = fields;
  // A meeting of long ago that was chosen stays chosen.
  if (isUuid(meetingId) && !near.some(({ id }) => id === meetingId)) {
    near.unshift(await findMeeting(tx, meetingId));
  }
  const choices = (chosen: string, entries: readonly (readonly [string, string])[]): Choice[] =>
    entries.map(([value, label]) => ({ value, label, selected: value === chosen }));
  return {
    kinds: choices(
      fields.kind,
      Object.keys(DRAFT_KINDS).map((kind) => [kind, kindLabel(kind)]),
    ),
    topics: choices(fields.topic, [
      ['', 'The usual one of this kind'],
      ...TOPICS.map((topic) => [topic, TOPIC_WORDS[topic]] as const),
    ]),
    meetings: choices(fields.meetingId, [
      ['', 'None'],
      ...near.map(
        ({ id, title, startsAt, zone: at }) =>
          [id, `${title}, ${formatShortDateTime(startsAt, at)}`] as const,
      ),
    ]),
    channels: mailerlite
      ? choices(fields.channel, [
          ['smtp', CHANNEL_WORDS.smtp],
          ['mailerlite', CHANNEL_WORDS.mailerlite],
        ])
      : undefined,
    whenApproved: fields.when !== 'at',
    atTime: fields.when === 'at',
    zone: zoneLabel(zone),
    mergeFields: Object.entries(MERGE_FIELDS).map(([name, { what, needs }]) => ({
      code: needs === 'fallback' ? `{{${name}|there}}` : `{{${name}}}`,
      what: needs === 'meeting' ? `${what}, where one is chosen` : what,
    })),
  };
}
