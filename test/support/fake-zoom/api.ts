import { z } from 'zod';
import { joinUrl, type FakeAccount, type FakeMeeting, type FakeSettings } from './account.ts';

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiRequest {
  readonly method: string;
  /** Path below the base address, as sent: percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

export type MeetingEvent = (event: string, object: Record<string, unknown>) => void;

interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly scope: string;
  readonly run: (account: FakeAccount, id: string, request: ApiRequest, emit: MeetingEvent) => Answer;
}

const updateBody = z
  .object({
    topic: z.string().max(200),
    agenda: z.string().max(2000),
    start_time: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ?$/),
    timezone: z.string(),
    duration: z.number().int().positive(),
    password: z.string().regex(/^[A-Za-z0-9@\-_*]{1,10}$/),
    settings: z
      .object({
        waiting_room: z.boolean(),
        join_before_host: z.boolean(),
        mute_upon_entry: z.boolean(),
        approval_type: z.union([z.literal(0), z.literal(1), z.literal(2)]),
        auto_recording: z.enum(['local', 'cloud', 'none']),
        alternative_hosts: z.string(),
        email_notification: z.boolean(),
        use_pmi: z.boolean(),
      })
      .partial(),
  })
  .partial();

const createBody = updateBody.extend({ type: z.literal(2) }).required({ start_time: true, duration: true });

const SETTINGS: FakeSettings = {
  waiting_room: false,
  join_before_host: false,
  mute_upon_entry: false,
  approval_type: 2,
  auto_recording: 'none',
  alternative_hosts: '',
  email_notification: true,
  use_pmi: false,
};

const MEETING_UNKNOWN = (id: string) => refuse(404, 3001, `Meeting does not exist: ${id}.`);

const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    pattern: /^\/users\/([^/]+)$/,
    scope: 'user:read:user:admin',
    run: (account, id) => {
      const user = account.findUser(id);
      if (!user) return refuse(404, 1001, `User does not exist: ${id}.`);
      return {
        status: 200,
        body: {
          id: user.id,
          email: user.email,
          display_name: user.displayName,
          type: user.licensed ? 2 : 1,
          status: 'active',
        },
      };
    },
  },
  {
    method: 'POST',
    pattern: /^\/users\/([^/]+)\/meetings$/,
    scope: 'meeting:write:meeting:admin',
    run: createMeeting,
  },
  {
    method: 'GET',
    pattern: /^\/users\/([^/]+)\/meetings$/,
    scope: 'meeting:read:list_meetings:admin',
    run: listMeetings,
  },
  {
    method: 'GET',
    pattern: /^\/meetings\/([^/]+)$/,
    scope: 'meeting:read:meeting:admin',
    run: (account, id) => {
      const meeting = account.findMeeting(id);
      return meeting ? { status: 200, body: describe(account, meeting) } : MEETING_UNKNOWN(id);
    },
  },
  {
    method: 'PATCH',
    pattern: /^\/meetings\/([^/]+)$/,
    scope: 'meeting:update:meeting:admin',
    run: updateMeeting,
  },
  {
    method: 'DELETE',
    pattern: /^\/meetings\/([^/]+)$/,
    scope: 'meeting:delete:meeting:admin',
    run: (account, id, _request, emit) => {
      const meeting = account.findMeeting(id);
      if (!meeting) return MEETING_UNKNOWN(id);
      if (account.hasStarted(meeting))
        return refuse(400, 3007, 'Sorry, you cannot delete this meeting since it has ended.');
      account.meetings.delete(meeting.id);
      emit('meeting.deleted', eventObject(meeting));
      return { status: 204 };
    },
  },
  {
    method: 'GET',
    pattern: /^\/past_meetings\/([^/]+)\/instances$/,
    scope: 'meeting:read:list_past_instances:admin',
    run: (account, id) => ({
      status: 200,
      body: {
        meetings: account
          .instancesOf(Number(id))
          .map((instance) => ({ uuid: instance.uuid, start_time: utc(instance.startedAt) })),
      },
    }),
  },
  {
    method: 'GET',
    pattern: /^\/past_meetings\/([^/]+)\/participants$/,
    scope: 'meeting:read:list_past_participants:admin',
    run: listParticipants,
  },
  {
    method: 'GET',
    pattern: /^\/report\/meetings\/([^/]+)\/participants$/,
    scope: 'report:read:list_meeting_participants:admin',
    run: (account, id, request) => {
      const instance = findInstance(account, id);
      const host = instance && account.meetings.get(instance.meetingId)?.host;
      if (host && !host.licensed) return refuse(400, 200, 'This report is only available for paid accounts.');
      return listParticipants(account, id, request);
    },
  },
];

/** Carries out a request whose token has the given scopes. */
export function answerApi(
  account: FakeAccount,
  request: ApiRequest,
  scopes: readonly string[],
  emit: MeetingEvent,
): Answer {
  for (const route of ROUTES) {
    const match = request.method === route.method ? route.pattern.exec(request.path) : null;
    if (!match) continue;
    if (!scopes.includes(route.scope)) {
      return refuse(400, 4711, `Invalid access token, does not contain scopes:[${route.scope}].`);
    }
    return route.run(account, decodeSegment(match[1]!), request, emit);
  }
  return refuse(404, 2300, 'This API endpoint is not recognized.');
}

/**
 * A segment is decoded on the way in and once more by the application, when that changes it. A UUID with a
 * leading or double slash only survives when it was encoded twice.
 */
function decodeSegment(segment: string): string {
  const once = decodeURIComponent(segment);
  if (once.startsWith('/') || once.includes('//')) return 'lost in the path';
  return /%[0-9A-F]{2}/i.test(once) ? decodeURIComponent(once) : once;
}

function createMeeting(
  account: FakeAccount,
  hostId: string,
  request: ApiRequest,
  emit: MeetingEvent,
): Answer {
  const host = account.findUser(hostId);
  if (!host) return refuse(404, 1001, `User does not exist: ${hostId}.`);
  if (!account.spendCall(host)) return overBudget();
  const parsed = createBody.safeParse(request.body);
  if (!parsed.success) return invalid(parsed.error);
  const body = parsed.data;
  const hosts = checkAlternativeHosts(account, body.settings?.alternative_hosts);
  if (hosts) return hosts;
  if ((body.settings?.approval_type ?? 2) !== 2 && !host.licensed) {
    return refuse(400, 200, 'Registration is only available for paid accounts.');
  }
  const meeting = account.addMeeting(host, {
    topic: body.topic ?? 'Zoom Meeting',
    agenda: body.agenda ?? '',
    startsAt: readStart(body.start_time, body.timezone ?? 'UTC'),
    timezone: body.timezone ?? 'UTC',
    duration: body.duration,
    password: body.password ?? '',
    settings: { ...SETTINGS, ...defined(body.settings ?? {}) },
  });
  emit('meeting.created', {
    ...eventObject(meeting),
    join_url: joinUrl(meeting),
    password: meeting.password,
  });
  return { status: 201, body: describe(account, meeting) };
}

function updateMeeting(account: FakeAccount, id: string, request: ApiRequest, emit: MeetingEvent): Answer {
  const meeting = account.findMeeting(id);
  if (!meeting) return MEETING_UNKNOWN(id);
  if (!account.spendCall(meeting.host)) return overBudget();
  if (account.hasStarted(meeting)) return refuse(400, 3000, 'Cannot update an ended meeting.');
  const parsed = updateBody.safeParse(request.body);
  if (!parsed.success) return invalid(parsed.error);
  const body = parsed.data;
  const hosts = checkAlternativeHosts(account, body.settings?.alternative_hosts);
  if (hosts) return hosts;
  const before = eventObject(meeting);
  if (body.topic !== undefined) meeting.topic = body.topic;
  if (body.agenda !== undefined) meeting.agenda = body.agenda;
  if (body.timezone !== undefined) meeting.timezone = body.timezone;
  if (body.start_time !== undefined) meeting.startsAt = readStart(body.start_time, meeting.timezone);
  if (body.duration !== undefined) meeting.duration = body.duration;
  if (body.password !== undefined) meeting.password = body.password;
  meeting.settings = { ...meeting.settings, ...defined(body.settings ?? {}), ...account.locked };
  emit('meeting.updated', { ...eventObject(meeting), old_object: before });
  return { status: 204 };
}

function listMeetings(account: FakeAccount, hostId: string, request: ApiRequest): Answer {
  const host = account.findUser(hostId);
  if (!host) return refuse(404, 1001, `User does not exist: ${hostId}.`);
  const now = account.clock.now();
  const upcoming = [...account.meetings.values()].filter(
    (meeting) =>
      meeting.host === host &&
      Temporal.Instant.compare(meeting.startsAt.add({ minutes: meeting.duration }), now) > 0,
  );
  return paged(request, 'meetings', upcoming, (meeting) => ({
    ...eventObject(meeting),
    agenda: meeting.agenda.slice(0, 250),
    join_url: joinUrl(meeting),
    created_at: utc(meeting.createdAt),
  }));
}

function listParticipants(account: FakeAccount, id: string, request: ApiRequest): Answer {
  const instance = findInstance(account, id);
  if (!instance) return MEETING_UNKNOWN(id);
  return paged(request, 'participants', instance.participants, (row) => ({
    id: '',
    user_email: '',
    status: 'in_meeting',
    failover: false,
    duration: Temporal.Instant.from(row.leave_time)
      .since(Temporal.Instant.from(row.join_time))
      .total('seconds'),
    ...row,
  }));
}

/** With a meeting's number: its latest run. */
function findInstance(account: FakeAccount, id: string) {
  return /^\d+$/.test(id)
    ? account.instancesOf(Number(id)).at(-1)
    : account.instances.find((instance) => instance.uuid === id);
}

function paged<T>(request: ApiRequest, key: string, all: readonly T[], show: (item: T) => unknown): Answer {
  const size = Math.min(Number(request.query.get('page_size') ?? 30), 300);
  const from = Number(request.query.get('next_page_token')?.replace('page-', '') ?? 0);
  const more = from + size < all.length;
  return {
    status: 200,
    body: {
      page_size: size,
      total_records: all.length,
      next_page_token: more ? `page-${from + size}` : '',
      [key]: all.slice(from, from + size).map(show),
    },
  };
}

/** The full record, with the host's own link that no client may keep. */
function describe(account: FakeAccount, meeting: FakeMeeting) {
  return {
    ...eventObject(meeting),
    agenda: meeting.agenda,
    host_email: meeting.host.email,
    created_at: utc(meeting.createdAt),
    status: account.hasStarted(meeting) ? 'finished' : 'waiting',
    start_url: `https://us06web.zoom.us/s/${meeting.id}?zak=HOST-PRIVILEGE-${meeting.id}`,
    join_url: joinUrl(meeting),
    password: meeting.password,
    h323_password: '482910',
    pstn_password: '482910',
    encrypted_password: new URL(joinUrl(meeting)).searchParams.get('pwd'),
    show_join_info: true,
    settings: meeting.settings,
    ...(meeting.settings.approval_type === 2
      ? {}
      : { registration_url: `https://us06web.zoom.us/meeting/register/${meeting.id}` }),
  };
}

export function eventObject(meeting: FakeMeeting) {
  return {
    id: meeting.id,
    uuid: meeting.uuid,
    host_id: meeting.host.id,
    topic: meeting.topic,
    type: 2,
    start_time: utc(meeting.startsAt),
    timezone: meeting.timezone,
    duration: meeting.duration,
  };
}

function checkAlternativeHosts(account: FakeAccount, text: string | undefined): Answer | undefined {
  const unknown = (text ?? '')
    .split(/[;,]/)
    .filter((email) => email !== '' && !account.findUser(email)?.licensed);
  return unknown.length === 0
    ? undefined
    : refuse(400, 1114, `These hosts must be licensed users of the account: ${unknown.join(', ')}.`);
}

function readStart(text: string, zone: string): Temporal.Instant {
  return text.endsWith('Z')
    ? Temporal.Instant.from(text)
    : Temporal.PlainDateTime.from(text).toZonedDateTime(zone).toInstant();
}

/** As has been seen: neither a kind of limit nor a time to come back. */
function overBudget(): Answer {
  return refuse(
    429,
    429,
    'You have exceeded the daily rate limit of (100) for meeting Create/Update API requests permitted for this user.',
  );
}

export function refuse(status: number, code: number, message: string): Answer {
  return { status, body: { code, message } };
}

function invalid(error: z.ZodError): Answer {
  const errors = error.issues.map((issue) => ({ field: issue.path.join('.'), message: 'Invalid field.' }));
  return { status: 400, body: { code: 300, message: 'Validation Failed.', errors } };
}

function utc(instant: Temporal.Instant): string {
  return instant.toString({ smallestUnit: 'second' });
}

function defined<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
