import cookie from '@fastify/cookie';
import csrf from '@fastify/csrf-protection';
import session, { type FastifySessionOptions } from '@fastify/session';
import type { FastifyRequest, Session } from 'fastify';
import type { Db } from '../../db/open.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { findAdmin, type Admin } from '../../organisation/admins.ts';
import { endSession, readSession, saveSession } from '../../organisation/sessions.ts';
import { serverPlugin } from '../plugin.ts';

/** A message that the next page shows once. */
export interface Flash {
  readonly tone: 'good' | 'info' | 'warn' | 'bad';
  readonly text: string;
}

declare module 'fastify' {
  interface Session {
    adminId?: string;
    /** The end of the session, whatever happens: ISO 8601 in UTC. */
    endsAt?: string;
    /** When the person was last seen here, to a few minutes: ISO 8601 in UTC. */
    seenAt?: string;
    browser?: string;
    /** The password was right; the code of the second step is awaited. */
    halfway?: { adminId: string; until: string; attempts: number; next: string };
    flash?: Flash;
  }
  interface FastifyRequest {
    /** Who is signed in. */
    admin: Admin | null;
  }
}

/**
 * A signed-in session ends after twelve hours, whatever happens, and after one hour without a request (OWASP ASVS
 * 3.3.2); the form before it after one hour.
 */
const SIGNED_IN = Temporal.Duration.from({ hours: 12 });
const IDLE = Temporal.Duration.from({ hours: 1 });
/** How exactly it is kept when somebody was last seen: each note is a write. */
const SEEN_EVERY = Temporal.Duration.from({ minutes: 5 });
const BEFORE_SIGN_IN = Temporal.Duration.from({ hours: 1 });

/**
 * Sessions of the administrators' pages. The cookie is signed, is sent to `/admin` only and cannot be read by
 * scripts; the database knows the session by a hash. Public pages have no cookie at all.
 */
export const sessions = serverPlugin({ name: 'sessions' }, async (app) => {
  const { config, db, clock } = app.deps;
  if (config.SECRET_KEY === undefined) throw new Error('The web server needs a SECRET_KEY.');
  const https = config.BASE_URL.startsWith('https:');
  await app.register(cookie);
  await app.register(session, {
    secret: config.SECRET_KEY,
    cookieName: https ? '__Secure-convenor' : 'convenor',
    cookie: { path: '/admin', httpOnly: true, sameSite: 'lax', secure: https },
    saveUninitialized: false,
    rolling: false,
    store: databaseStore(db, clock),
  });
  await app.register(csrf, { sessionPlugin: '@fastify/session' });

  app.decorateRequest('admin', null);
  app.addHook('onRequest', async (request) => {
    const { adminId } = request.session;
    if (adminId === undefined) return;
    const admin = await findAdmin(db, adminId);
    if (admin === undefined || admin.disabledAt !== null) return;
    request.admin = admin;
    const now = clock.now();
    const { seenAt } = request.session;
    const noteAgain = seenAt === undefined || isPast(Temporal.Instant.from(seenAt).add(SEEN_EVERY), now);
    if (noteAgain) request.session.seenAt = now.toString();
  });
});

/** Signs a person in under a new session id, so that an id known before the sign-in is of no use. */
export async function signIn(request: FastifyRequest, admin: Admin): Promise<void> {
  const { clock } = request.server.deps;
  const now = clock.now();
  await request.session.regenerate();
  request.session.adminId = admin.id;
  request.session.endsAt = now.add(SIGNED_IN).toString();
  request.session.seenAt = now.toString();
  request.session.browser = (request.headers['user-agent'] ?? '').slice(0, 300);
  request.admin = admin;
}

export async function signOut(request: FastifyRequest): Promise<void> {
  await request.session.destroy();
  request.admin = null;
}

/** Keeps a message for the next page. */
export function flash(request: FastifyRequest, tone: Flash['tone'], text: string): void {
  request.session.flash = { tone, text };
}

/** Takes the message that was kept. */
export function takeFlash(request: FastifyRequest): Flash | undefined {
  // On public pages there is no session, and after signing out none any more.
  const message = (request.session as Session | null)?.flash;
  if (message !== undefined) delete request.session.flash;
  return message;
}

/** Who acts, for the audit log. */
export function actorOf(request: FastifyRequest): string {
  if (request.admin === null) throw new ConvenorError('not_signed_in', 'Please sign in.');
  return `admin:${request.admin.id}`;
}

/** When a session ends if nobody comes back to it. */
function endOf({ endsAt, seenAt }: Session, now: Temporal.Instant): Temporal.Instant {
  if (endsAt === undefined) return now.add(BEFORE_SIGN_IN);
  const end = Temporal.Instant.from(endsAt);
  const idleEnd = Temporal.Instant.from(seenAt ?? now.toString()).add(IDLE);
  return isPast(idleEnd, end) ? idleEnd : end;
}

/** Whether `first` is not after `second`. */
function isPast(first: Temporal.Instant, second: Temporal.Instant): boolean {
  return Temporal.Instant.compare(first, second) <= 0;
}

type Store = NonNullable<FastifySessionOptions['store']>;

function databaseStore(db: Db, clock: Clock): Store {
  return {
    get(id, done) {
      readSession(db, id, { clock }).then(
        (stored) =>
          done(null, stored === undefined ? null : ({ ...(stored.data as object) } as unknown as Session)),
        (error: unknown) => done(error),
      );
    },
    set(id, content, done) {
      const { cookie: _cookie, ...data } = content;
      const expiresAt = endOf(content, clock.now());
      saveSession(db, id, { adminId: content.adminId ?? null, data, expiresAt }, { clock }).then(
        () => done(),
        (error: unknown) => done(error),
      );
    },
    destroy(id, done) {
      endSession(db, id).then(
        () => done(),
        (error: unknown) => done(error),
      );
    },
  };
}
