import { ConvenorError } from '../../kernel/errors.ts';
import { anyAdmin, verifyCredentials } from '../../organisation/admins.ts';
import { field, freshForm, query } from '../form.ts';
import { routes } from '../plugin.ts';
import { signIn, signOut } from '../plugins/sessions.ts';

/** Attempts per address of the visitor before there is a pause. */
const ATTEMPTS = { max: 10, timeWindow: '10 minutes' };

/** Signing in and out. */
export const signInPages = routes({ name: 'sign-in', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db } = app.deps;

  app.get('/admin/sign-in', async (request, reply) => {
    if (!(await anyAdmin(db))) return reply.redirect('/admin/set-up', 303);
    const next = ownPath(query(request, 'next'));
    if (request.admin !== null) return reply.redirect(next, 303);
    return reply.page('admin/sign-in', { title: 'Sign in', next, form: freshForm() });
  });

  app.post('/admin/sign-in', { config: { rateLimit: ATTEMPTS } }, async (request, reply) => {
    const email = field(request, 'email');
    const next = ownPath(field(request, 'next'));
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
    await signIn(request, admin);
    return reply.redirect(next, 303);
  });

  app.post('/admin/sign-out', async (request, reply) => {
    await signOut(request);
    return reply.redirect('/admin/sign-in', 303);
  });
});

/** Spaces at the ends belong to a password. */
function passwordField(body: unknown): string {
  const value = (body as { password?: unknown } | null)?.password;
  if (value !== undefined && typeof value !== 'string') {
    throw new ConvenorError('invalid_input', 'The password must be one line of text.');
  }
  return value ?? '';
}

/** Where to go after signing in: a page of ours, never another site. */
export function ownPath(text: string): string {
  return /^\/admin(?:[/?][\w\-./?=&%:+,]*)?$/.test(text) ? text : '/admin';
}
