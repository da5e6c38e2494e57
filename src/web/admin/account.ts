import type { FastifyRequest } from 'fastify';
import { formatDateTime } from '../../calendar/format.ts';
import { invalidInput } from '../../kernel/errors.ts';
import { recordAudit } from '../../organisation/audit.ts';
import { changePassword, verifyCredentials } from '../../organisation/admins.ts';
import {
  beginSecondFactor,
  confirmSecondFactor,
  pendingSecondFactor,
  removeSecondFactor,
  renewRecoveryCodes,
  secondFactorState,
} from '../../organisation/second-factor.ts';
import { hashed, listSessions, revokeSessions } from '../../organisation/sessions.ts';
import { acting } from '../acting.ts';
import { browserName } from '../browser-name.ts';
import { field, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { actorOf, flash, signIn } from '../plugins/sessions.ts';
import { qrPath } from '../qr-code.ts';
import { counted } from '../words.ts';
import { passwordField } from './sign-in.ts';

const LABELS = {
  'step-current': 'Your present password',
  current: 'Your present password',
  password: 'The new password',
  again: 'The new password',
  code: 'The code',
};
/** A stolen session must not be able to try passwords. */
const ATTEMPTS = { rateLimit: { max: 10, timeWindow: '10 minutes' } };

/** One's own account: the password, the second step of signing in, and where one is signed in. */
export const accountPages = routes({ name: 'account', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, config } = app.deps;
  const secretKey = config.SECRET_KEY!;

  app.get('/admin/account', async (request, reply) =>
    reply.page('admin/account', await model(request, freshForm())),
  );

  app.post('/admin/account/password', { config: ATTEMPTS }, async (request, reply) => {
    const context = await acting(request);
    const me = request.admin!;
    const password = passwordField(request.body);
    try {
      await provePassword(request);
      if (password !== passwordField(request.body, 'again')) {
        throw invalidInput({ field: 'again', message: 'was not typed the same way twice' });
      }
      await changePassword(db, { id: me.id, password }, context);
    } catch (error) {
      return reply.code(422).page('admin/account', await model(request, rejectedForm({}, error, LABELS)));
    }
    await signIn(request, me);
    flash(request, 'good', 'Your password is changed. You were signed out everywhere else.');
    return reply.redirect('/admin/account', 303);
  });

  app.post('/admin/account/second-step', async (request, reply) => {
    const me = request.admin!;
    const { settings } = await acting(request);
    await beginSecondFactor(
      db,
      { adminId: me.id, label: me.email, issuer: settings.groupName },
      { clock, secretKey },
    );
    return reply.redirect('/admin/account/second-step', 303);
  });

  app.get('/admin/account/second-step', async (request, reply) => {
    const page = await secondStep(request, freshForm());
    return page === undefined ? reply.redirect('/admin/account', 303) : reply.page('admin/second-step', page);
  });

  app.post('/admin/account/second-step/confirm', { config: ATTEMPTS }, async (request, reply) => {
    const context = { ...(await acting(request)), secretKey };
    try {
      const codes = await confirmSecondFactor(
        db,
        { adminId: request.admin!.id, code: field(request, 'code') },
        context,
      );
      return await reply.page('admin/recovery-codes', codesModel(codes, 'The second step is on'));
    } catch (error) {
      const form = rejectedForm({}, error, LABELS);
      const page = await secondStep(request, form);
      return page === undefined
        ? reply.redirect('/admin/account', 303)
        : reply.code(422).page('admin/second-step', page);
    }
  });

  app.post('/admin/account/recovery-codes', { config: ATTEMPTS }, async (request, reply) => {
    const context = { ...(await acting(request)), secretKey };
    try {
      await provePassword(request, 'step-current');
    } catch (error) {
      return reply.code(422).page('admin/account', await model(request, rejectedForm({}, error, LABELS)));
    }
    const codes = await renewRecoveryCodes(db, request.admin!.id, context);
    return reply.page('admin/recovery-codes', codesModel(codes, 'New recovery codes'));
  });

  app.post('/admin/account/second-step/remove', { config: ATTEMPTS }, async (request, reply) => {
    const context = await acting(request);
    try {
      await provePassword(request, 'step-current');
    } catch (error) {
      return reply.code(422).page('admin/account', await model(request, rejectedForm({}, error, LABELS)));
    }
    await removeSecondFactor(db, request.admin!.id, context);
    flash(request, 'warn', 'The second step is off. Your password alone lets you in.');
    return reply.redirect('/admin/account', 303);
  });

  app.post('/admin/account/sessions/end', async (request, reply) => {
    const { id } = request.admin!;
    const mine = hashed(request.session.sessionId);
    const wanted = field(request, 'session');
    const others = (await listSessions(db, id, { clock })).filter(({ idHash }) => idHash !== mine);
    await db.transaction(async (tx) => {
      let ended = 0;
      for (const { idHash } of others) {
        if (wanted === 'others' || wanted === idHash)
          ended += await revokeSessions(tx, { adminId: id, idHash });
      }
      if (ended === 0) return;
      const entry = { actor: actorOf(request), action: 'sessions.ended', subject: id, after: { ended } };
      await recordAudit(tx, entry, { clock });
    });
    flash(
      request,
      'good',
      wanted === 'others' ? 'You are signed out everywhere else.' : 'You are signed out there.',
    );
    return reply.redirect('/admin/account#places', 303);
  });

  /** @throws ConvenorError `invalid_input` for the field when it does not hold the person's password. */
  async function provePassword(request: FastifyRequest, name = 'current'): Promise<void> {
    const current = passwordField(request.body, 'current');
    if ((await verifyCredentials(db, request.admin!.email, current)) === undefined) {
      throw invalidInput({ field: name, message: 'is not right' });
    }
  }

  async function secondStep(request: FastifyRequest, form: FormModel) {
    const me = request.admin!;
    const { settings } = await acting(request);
    const pending = await pendingSecondFactor(
      db,
      { adminId: me.id, label: me.email, issuer: settings.groupName },
      { secretKey },
    );
    if (pending === undefined) return undefined;
    return {
      title: 'Set up the second step',
      section: 'account',
      back: { href: '/admin/account', label: 'My account' },
      form,
      qr: qrPath(pending.uri),
      secret: pending.secret.replace(/(.{4})(?=.)/g, '$1 '),
    };
  }

  async function model(request: FastifyRequest, form: FormModel) {
    const me = request.admin!;
    const { settings } = await acting(request);
    const { on, since, recoveryCodesLeft } = await secondFactorState(db, me.id);
    const mine = hashed(request.session.sessionId);
    return {
      title: 'My account',
      section: 'account',
      form,
      stepOpen: 'step-current' in form.errors,
      me: { name: me.name, email: me.email, role: me.role === 'administrator' ? 'Administrator' : 'Editor' },
      secondStep: {
        on,
        since: since === null ? '' : formatDateTime(since, settings.timeZone),
        left: counted(recoveryCodesLeft, 'recovery code'),
        isLow: on && recoveryCodesLeft < 3,
      },
      places: (await listSessions(db, me.id, { clock })).map(({ idHash, data, createdAt }) => ({
        idHash,
        here: idHash === mine,
        browser: browserName((data as { browser?: string } | null)?.browser ?? ''),
        when: formatDateTime(createdAt, settings.timeZone),
      })),
    };
  }
});

function codesModel(codes: readonly string[], title: string) {
  return {
    title,
    section: 'account',
    back: { href: '/admin/account', label: 'My account' },
    codes,
    text: codes.join('\n'),
  };
}
