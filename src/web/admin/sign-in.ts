import { ConvenorError } from '../../kernel/errors.ts';
import { anyAdmin, findAdmin, verifyCredentials } from '../../organisation/admins.ts';
import { recordAudit } from '../../organisation/audit.ts';
import { checkSecondFactor, secondFactorState } from '../../organisation/second-factor.ts';
import { field, freshForm, query } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash, signIn, signOut } from '../plugins/sessions.ts';

/** Attempts per address of the visitor before there is a pause. */
const ATTEMPTS = { max: 10, timeWindow: '10 minutes' };
/** Attempts on one account, from wherever they come: OWASP ASVS 2.2.1 asks for fewer than a hundred an hour. */
const PER_ACCOUNT = { max: 30, timeWindow: '1 hour' };
/** After the password, the code must come within this time and these attempts. */
const CODE_WITHIN = Temporal.Duration.from({ minutes: 10 });
const CODE_ATTEMPTS = 5;

/** Signing in, with a second step for whoever has set it up, and signing out. */
export const signInPages = routes({ name: 'sign-in', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, config } = app.deps;
  const secretKey = config.SECRET_KEY!;
  const passwordTries = app.createRateLimit({
    ...PER_ACCOUNT,
    keyGenerator: (request) => `password ${field(request, 'email').toLowerCase()}`,
  });
  const codeTries = app.createRateLimit({
    ...PER_ACCOUNT,
    keyGenerator: (request) => `code ${request.session.halfway?.adminId ?? request.ip}`,
  });

  app.get('/admin/sign-in', async (request, reply) => {
    if (!(await anyAdmin(db))) return reply.redirect('/admin/set-up', 303);
    const next = ownPath(query(request, 'next'));
    if (request.admin !== null) return reply.redirect(next, 303);
    const message =
      query(request, 'unsaved') === ''
        ? undefined
        : 'You were signed out because nothing had happened for a while, so what you sent was not saved. Sign in, then go back in your browser to the form to find what you typed.';
    return reply.page('admin/sign-in', { title: 'Sign in', message, next, form: freshForm() });
  });

  app.post('/admin/sign-in', { config: { rateLimit: ATTEMPTS } }, async (request, reply) => {
    const email = field(request, 'email');
    const next = ownPath(field(request, 'next'));
    refuseGuessing(await passwordTries(request));
    const admin = await verifyCredentials(db, email, passwordField(request.body));
    if (admin === undefined) {
      request.log.warn('A sign-in was refused');
      const message = 'This address and password do not belong together. Check both and try again.';
      return reply.code(422).page('admin/sign-in', {
        title: 'Sign in',
        next,
        form: { values: { email }, errors: {}, problems: [{ field: 'email', message }] },
      });
    }
    if (!(await secondFactorState(db, admin.id)).on) {
      await signIn(request, admin);
      await noteSession(admin.id, 'session.begun', { by: 'password' });
      return reply.redirect(next, 303);
    }
    await request.session.regenerate();
    request.session.halfway = {
      adminId: admin.id,
      until: clock.now().add(CODE_WITHIN).toString(),
      attempts: 0,
      next,
    };
    return reply.redirect('/admin/sign-in/code', 303);
  });

  app.get('/admin/sign-in/code', async (request, reply) => {
    if (request.admin !== null) return reply.redirect('/admin', 303);
    if (halfway(request.session.halfway) === undefined) return reply.redirect('/admin/sign-in', 303);
    return reply.page('admin/sign-in-code', { title: 'Second step', form: freshForm() });
  });

  app.post('/admin/sign-in/code', { config: { rateLimit: ATTEMPTS } }, async (request, reply) => {
    const waiting = halfway(request.session.halfway);
    const admin = waiting === undefined ? undefined : await findAdmin(db, waiting.adminId);
    if (waiting === undefined || admin === undefined || admin.disabledAt !== null) {
      return reply.redirect('/admin/sign-in', 303);
    }
    refuseGuessing(await codeTries(request));
    const code = field(request, 'code');
    const proof = await checkSecondFactor(db, { adminId: admin.id, code }, { clock, secretKey });
    if (proof === undefined) {
      request.log.warn('A second step was refused');
      request.session.halfway = { ...waiting, attempts: waiting.attempts + 1 };
      const message = 'This code is not right, or it was used before. Wait for the next one.';
      return reply.code(422).page('admin/sign-in-code', {
        title: 'Second step',
        form: { values: {}, errors: { code: message }, problems: [{ field: 'code', message }] },
      });
    }
    await signIn(request, admin);
    await noteSession(admin.id, 'session.begun', {
      by: proof === 'app' ? 'password and app' : 'password and recovery code',
    });
    if (proof === 'recovery') {
      const { recoveryCodesLeft } = await secondFactorState(db, admin.id);
      flash(
        request,
        'warn',
        `You signed in with a recovery code. ${recoveryCodesLeft} are left; make new ones on your account page when they run low.`,
      );
    }
    return reply.redirect(waiting.next, 303);
  });

  app.post('/admin/sign-out', async (request, reply) => {
    const { id } = request.admin!;
    await signOut(request);
    await noteSession(id, 'session.ended');
    return reply.redirect('/admin/sign-in', 303);
  });

  function noteSession(adminId: string, action: string, after?: { by: string }): Promise<void> {
    return recordAudit(db, { actor: `admin:${adminId}`, action, subject: adminId, after }, { clock });
  }

  /** The password was right and the code is awaited; `undefined` once that has taken too long or too many tries. */
  function halfway(state: { adminId: string; until: string; attempts: number; next: string } | undefined) {
    if (state === undefined || state.attempts >= CODE_ATTEMPTS) return undefined;
    const late = Temporal.Instant.compare(clock.now(), Temporal.Instant.from(state.until)) > 0;
    return late ? undefined : state;
  }
});

/** @throws ConvenorError `too_many_requests` when an account was tried too often. */
function refuseGuessing(found: { isAllowed: boolean; isExceeded?: boolean }): void {
  if (found.isAllowed || found.isExceeded !== true) return;
  throw new ConvenorError(
    'too_many_requests',
    'Somebody has tried to sign in with this address too often. Please wait an hour and try again.',
  );
}

/** Spaces at the ends belong to a password. */
export function passwordField(body: unknown, name = 'password'): string {
  const value = (body as Record<string, unknown> | null)?.[name];
  if (value !== undefined && typeof value !== 'string') {
    throw new ConvenorError('invalid_input', 'The password must be one line of text.');
  }
  return value ?? '';
}

/** Where to go after signing in: a page of ours, never another site. */
export function ownPath(text: string): string {
  return /^\/admin(?:[/?][\w\-./?=&%:+,]*)?$/.test(text) ? text : '/admin';
}
