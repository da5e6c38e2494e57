import { sql } from 'drizzle-orm';
import { Secret, TOTP } from 'otpauth';
import { Browser, PASSWORD } from '../site.ts';
import type { Walk } from './walk.ts';

/** Those who sign in, and oneself. */
export async function changeAccounts(
  { act, one, browser, clock, site }: Walk,
  me: { id: string },
): Promise<void> {
  const helper = {
    name: 'Sam',
    email: 'sam@example.org',
    role: 'editor',
    password: 'another good password',
  };
  await act('POST /admin/people/new', {}, helper, 'admin.created', 'after');
  const sam = { id: await one(sql`select id from admins where email = 'sam@example.org'`) };
  await act('POST /admin/people/:id', sam, { name: 'Sam', role: 'administrator' }, 'admin.changed', 'both');
  await act('POST /admin/people/:id/access', sam, { disabled: 'yes' }, 'admin.changed', 'both');
  await act(
    'POST /admin/people/:id/password',
    sam,
    { password: 'yet another password' },
    'admin.password_changed',
    'neither',
  );
  const confirmStep = async () => {
    await browser.get('/admin/account');
    await browser.post('/admin/account/second-step');
    const { body } = await browser.get('/admin/account/second-step');
    const secret = /class="mono">([A-Z2-7 ]+)</.exec(body)![1]!.replaceAll(' ', '');
    const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate({
      timestamp: clock.now().epochMilliseconds,
    });
    return act('POST /admin/account/second-step/confirm', {}, { code }, 'second_factor.added', 'neither');
  };
  await confirmStep();
  await act(
    'POST /admin/account/recovery-codes',
    {},
    { current: PASSWORD },
    'recovery_codes.renewed',
    'neither',
  );
  await act(
    'POST /admin/people/:id/second-step/remove',
    { id: me.id },
    {},
    'second_factor.removed',
    'neither',
  );
  clock.advance({ seconds: 60 });
  await confirmStep();
  await act(
    'POST /admin/account/second-step/remove',
    {},
    { current: PASSWORD },
    'second_factor.removed',
    'neither',
  );
  await new Browser(site).signIn('ruth@example.org');
  await act('POST /admin/account/sessions/end', {}, { session: 'others' }, 'sessions.ended', 'after');
  const changed = 'an entirely new password';
  await act(
    'POST /admin/account/password',
    {},
    { current: PASSWORD, password: changed, again: changed },
    'admin.password_changed',
    'neither',
  );
  await browser.get('/admin/account');
  await act('POST /admin/sign-out', {}, {}, 'session.ended', 'neither');
}
