import { z } from 'zod';
import type { FakeAccount } from './account.ts';
import { eventObject, refuse, type Answer, type MeetingEvent } from './api.ts';
import type { Fault, Faults } from './faults.ts';
import type { Webhooks } from './webhooks.ts';

/** The parts that the control interface may move. */
export interface Controlled {
  readonly account: FakeAccount;
  readonly faults: Faults;
  readonly webhooks: Webhooks;
  readonly emit: MeetingEvent;
}

const faultSchema: z.ZodType<Fault> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('rate_limited'),
    form: z.enum(['seconds', 'date', 'none']),
    seconds: z.number(),
  }),
  z.object({ kind: z.literal('error'), status: z.number(), code: z.number(), message: z.string() }),
  z.object({ kind: z.literal('page'), status: z.number(), after: z.boolean().exactOptional() }),
  z.object({ kind: z.literal('slow'), milliseconds: z.number() }),
  z.object({ kind: z.literal('silent'), after: z.boolean().exactOptional() }),
  z.object({ kind: z.literal('drop'), after: z.boolean().exactOptional() }),
  z.object({ kind: z.literal('late') }),
]);

const ruleSchema = z.object({
  fault: faultSchema,
  method: z.string().exactOptional(),
  path: z.string().exactOptional(),
  times: z.number().int().positive().exactOptional(),
});

const runSchema = z.object({
  startedAt: z.string(),
  endedAt: z.string(),
  uuid: z.string().exactOptional(),
  participants: z.array(
    z.object({
      id: z.string().exactOptional(),
      name: z.string(),
      user_email: z.string().exactOptional(),
      registrant_id: z.string().exactOptional(),
      join_time: z.string(),
      leave_time: z.string(),
      status: z.enum(['in_meeting', 'in_waiting_room']).exactOptional(),
    }),
  ),
});

const portalEdit = z.object({ topic: z.string(), password: z.string(), duration: z.number() }).partial();

/**
 * The control interface, for a server that runs as a program of its own: what tests do in-process.
 *
 * `GET /state`, `POST /faults` (a rule), `DELETE /faults`, `POST /webhook` (`{url, secret}`),
 * `POST /locked` (settings that win over requests), `POST /scopes` (a list),
 * `POST /meetings/{id}/edit`, `POST /meetings/{id}/delete` (as by hand in the portal),
 * `POST /meetings/{id}/run` (`{startedAt, endedAt, participants}`).
 */
export async function answerControl(
  { account, faults, webhooks, emit }: Controlled,
  method: string,
  path: string,
  body: unknown,
): Promise<Answer> {
  const [, , id = '', act] = path.split('/');
  if (method === 'GET' && path === '/state') return { status: 200, body: state(account) };
  if (method === 'DELETE' && path === '/faults') faults.clear();
  else if (method === 'POST' && path === '/faults') faults.add(ruleSchema.parse(body));
  else if (method === 'POST' && path === '/webhook') {
    const proven = await webhooks.subscribe(z.object({ url: z.url(), secret: z.string() }).parse(body));
    if (!proven) return refuse(400, 1, 'The endpoint did not answer the handshake.');
  } else if (method === 'POST' && path === '/locked') account.locked = body as FakeAccount['locked'];
  else if (method === 'POST' && path === '/scopes') account.scopes = z.array(z.string()).parse(body);
  else if (method === 'POST' && path.startsWith('/meetings/'))
    return actOnMeeting(account, emit, id, act, body);
  else return refuse(404, 1, 'There is no such control.');
  return { status: 204 };
}

function actOnMeeting(
  account: FakeAccount,
  emit: MeetingEvent,
  id: string,
  act: string | undefined,
  body: unknown,
): Answer {
  const meeting = account.meetings.get(Number(id));
  if (!meeting) return refuse(404, 3001, `Meeting does not exist: ${id}.`);
  if (act === 'delete') {
    account.meetings.delete(meeting.id);
    emit('meeting.deleted', eventObject(meeting));
  } else if (act === 'edit') {
    const before = eventObject(meeting);
    Object.assign(meeting, portalEdit.parse(body));
    emit('meeting.updated', { ...eventObject(meeting), old_object: before });
  } else if (act === 'run') {
    const run = runSchema.parse(body);
    const instance = account.runMeeting({
      ...run,
      meetingId: meeting.id,
      startedAt: Temporal.Instant.from(run.startedAt),
      endedAt: Temporal.Instant.from(run.endedAt),
    });
    const object = { ...eventObject(meeting), id: String(meeting.id), uuid: instance.uuid };
    emit('meeting.started', { ...object, start_time: run.startedAt });
    emit('meeting.ended', { ...object, start_time: run.startedAt, end_time: run.endedAt });
  } else return refuse(404, 1, 'There is no such control.');
  return { status: 204 };
}

function state(account: FakeAccount) {
  return {
    created: account.created.length,
    tokenRequests: account.tokenRequests,
    meetings: [...account.meetings.values()].map((meeting) => ({
      ...eventObject(meeting),
      agenda: meeting.agenda,
      password: meeting.password,
      settings: meeting.settings,
    })),
    instances: account.instances.map(({ uuid, meetingId, participants }) => ({
      uuid,
      meetingId,
      participants: participants.length,
    })),
  };
}
