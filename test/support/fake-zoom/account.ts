import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../../src/kernel/clock.ts';

export interface FakeUser {
  readonly id: string;
  readonly email: string;
  readonly displayName: string;
  /** Basic hosts end after 40 minutes and have neither registration nor reports. */
  readonly licensed: boolean;
}

export interface FakeSettings {
  waiting_room: boolean;
  join_before_host: boolean;
  mute_upon_entry: boolean;
  approval_type: number;
  auto_recording: string;
  alternative_hosts: string;
  email_notification: boolean;
  use_pmi: boolean;
}

export interface FakeMeeting {
  readonly id: number;
  readonly uuid: string;
  readonly host: FakeUser;
  readonly createdAt: Temporal.Instant;
  topic: string;
  agenda: string;
  startsAt: Temporal.Instant;
  timezone: string;
  duration: number;
  password: string;
  settings: FakeSettings;
}

/** One row of a participant list, in the shape of Zoom's API. */
export interface FakeParticipant {
  readonly id?: string;
  readonly name: string;
  readonly user_email?: string;
  readonly registrant_id?: string;
  readonly join_time: string;
  readonly leave_time: string;
  readonly status?: 'in_meeting' | 'in_waiting_room';
}

/** One run of a meeting, with a UUID of its own. */
export interface FakeInstance {
  readonly uuid: string;
  readonly meetingId: number;
  readonly startedAt: Temporal.Instant;
  readonly endedAt: Temporal.Instant;
  readonly participants: readonly FakeParticipant[];
}

export const DEFAULT_SCOPES = [
  'meeting:write:meeting:admin',
  'meeting:read:meeting:admin',
  'meeting:update:meeting:admin',
  'meeting:delete:meeting:admin',
  'meeting:read:list_meetings:admin',
  'meeting:read:list_past_instances:admin',
  'meeting:read:list_past_participants:admin',
  'report:read:list_meeting_participants:admin',
  'user:read:user:admin',
];

export interface AccountOptions {
  readonly clock: Clock;
  readonly accountId?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly users?: readonly FakeUser[];
  /** Create and update calls that one host may have in a UTC day. */
  readonly hostBudget?: number;
}

/** The state of a Zoom account: it outlives the server, as Zoom outlives a cut connection. */
export class FakeAccount {
  readonly clock: Clock;
  readonly accountId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly users: FakeUser[];
  readonly hostBudget: number;
  readonly meetings = new Map<number, FakeMeeting>();
  readonly instances: FakeInstance[] = [];
  /** Every create call that took effect, also for meetings that were deleted since. */
  readonly created: number[] = [];
  /** Settings that the account's administrator has locked: they win over every request. */
  locked: Partial<FakeSettings> = {};
  scopes: string[] = [...DEFAULT_SCOPES];
  tokenRequests = 0;
  readonly #tokens = new Map<string, { expiresAt: Temporal.Instant; scopes: readonly string[] }>();
  readonly #calls = new Map<string, number>();
  #nextId = 84_512_300_001;

  constructor(options: AccountOptions) {
    this.clock = options.clock;
    this.accountId = options.accountId ?? 'fake-account';
    this.clientId = options.clientId ?? 'fake-client';
    this.clientSecret = options.clientSecret ?? 'fake-secret';
    this.hostBudget = options.hostBudget ?? 100;
    this.users = [
      ...(options.users ?? [
        { id: 'hostUserId1', email: 'host@example.org', displayName: 'Hilary Host', licensed: true },
        { id: 'hostUserId2', email: 'second@example.org', displayName: 'Sam Second', licensed: true },
        { id: 'hostUserId3', email: 'basic@example.org', displayName: 'Bea Basic', licensed: false },
      ]),
    ];
  }

  issueToken(): { token: string; expiresIn: number; scopes: readonly string[] } {
    this.tokenRequests += 1;
    const token = `fake-token-${randomBytes(12).toString('base64url')}`;
    const scopes = [...this.scopes];
    this.#tokens.set(token, { expiresAt: this.clock.now().add({ hours: 1 }), scopes });
    return { token, expiresIn: 3600, scopes };
  }

  /** The token's scopes; `expired` or `unknown` when it is not good. */
  checkToken(token: string): readonly string[] | 'expired' | 'unknown' {
    const found = this.#tokens.get(token);
    if (!found) return 'unknown';
    return Temporal.Instant.compare(this.clock.now(), found.expiresAt) >= 0 ? 'expired' : found.scopes;
  }

  /** As when the app is deactivated: every token that was issued dies. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  findUser(idOrEmail: string): FakeUser | undefined {
    return this.users.find((user) => user.id === idOrEmail || user.email === idOrEmail.toLowerCase());
  }

  /** Counts a create or update call of this host; false when the day's budget is used up. */
  spendCall(host: FakeUser): boolean {
    const key = `${host.id} ${this.clock.now().toZonedDateTimeISO('UTC').toPlainDate().toString()}`;
    const spent = this.#calls.get(key) ?? 0;
    if (spent >= this.hostBudget) return false;
    this.#calls.set(key, spent + 1);
    return true;
  }

  addMeeting(host: FakeUser, values: Omit<FakeMeeting, 'id' | 'uuid' | 'host' | 'createdAt'>): FakeMeeting {
    const meeting = {
      ...values,
      id: this.#nextId,
      uuid: randomUuid(),
      host,
      createdAt: this.clock.now(),
      settings: { ...values.settings, ...this.locked },
    };
    this.#nextId += 7919;
    this.meetings.set(meeting.id, meeting);
    this.created.push(meeting.id);
    return meeting;
  }

  /** A meeting that Zoom still knows: an id lapses 30 days after its date. */
  findMeeting(id: string): FakeMeeting | undefined {
    const meeting = this.meetings.get(Number(id));
    if (!meeting) return undefined;
    const lapses = meeting.startsAt.add({ hours: 30 * 24 });
    return Temporal.Instant.compare(this.clock.now(), lapses) < 0 ? meeting : undefined;
  }

  hasStarted(meeting: FakeMeeting): boolean {
    return this.instances.some((instance) => instance.meetingId === meeting.id);
  }

  /** The meeting takes place: `uuid` may be given to get one that is awkward in a path. */
  runMeeting(run: Omit<FakeInstance, 'uuid'> & { readonly uuid?: string }): FakeInstance {
    const instance = { ...run, uuid: run.uuid ?? randomUuid() };
    this.instances.push(instance);
    return instance;
  }

  instancesOf(meetingId: number): FakeInstance[] {
    return this.instances.filter((instance) => instance.meetingId === meetingId);
  }
}

/** The link holds a form of the passcode, so another passcode gives another link. */
export function joinUrl(meeting: FakeMeeting): string {
  const secret = createHash('sha256').update(`${meeting.id} ${meeting.password}`).digest('base64url');
  return `https://us06web.zoom.us/j/${meeting.id}?pwd=${secret.slice(0, 30)}.1`;
}

function randomUuid(): string {
  return randomBytes(16).toString('base64');
}
