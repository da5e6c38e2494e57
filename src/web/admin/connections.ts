import { formatDateTime } from '../../calendar/format.ts';
import type { Config } from '../../config/load.ts';
import { recordAudit } from '../../organisation/audit.ts';
import { queueServiceMail } from '../../organisation/service-mails.ts';
import { readSettings } from '../../organisation/settings.ts';
import { acting } from '../acting.ts';
import { CONNECTIONS, type Connection, type ConnectionFinding } from '../dependencies.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { capital } from '../views.ts';

const TONES = {
  ok: { tone: 'good', icon: 'icons/check' },
  warning: { tone: 'warn', icon: 'icons/warn' },
  problem: { tone: 'bad', icon: 'icons/alert' },
} as const;

/** What Convenor is connected to, each with a button that tries it, and a test mail to oneself. */
export const connectionPages = routes({ name: 'connections', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, config, nudge, checkConnection, log } = app.deps;

  app.get('/admin/settings/connections', async (_request, reply) =>
    reply.page('admin/connections', await model()),
  );

  app.post<{ Params: { name: string } }>('/admin/settings/connections/:name', async (request, reply) => {
    const name = CONNECTIONS.find((each) => each === request.params.name);
    if (name === undefined) return reply.callNotFound();
    return reply.page('admin/connections', await model({ name, findings: await tried(name) }));
  });

  app.post('/admin/settings/test-mail', async (request, reply) => {
    const { actor } = await acting(request);
    const { email, id } = request.admin!;
    const now = clock.now();
    await db.transaction(async (tx) => {
      await queueServiceMail(
        tx,
        {
          kind: 'test',
          to: { kind: 'address', address: email },
          data: { requestedAt: now.toString() },
          dedupeKey: `test:${id}:${now.epochMilliseconds}`,
        },
        { clock },
      );
      await recordAudit(tx, { actor, action: 'test_mail.asked_for', subject: id }, { clock });
    });
    await nudge();
    flash(
      request,
      'good',
      config.SMTP_URL === undefined
        ? 'The test mail is on its way to the outbox.'
        : `The test mail is on its way to ${email}. Look at your inbox in a minute, and at the spam folder.`,
    );
    return reply.redirect('/admin/settings/connections', 303);
  });

  async function tried(name: Connection): Promise<readonly ConnectionFinding[]> {
    try {
      return await checkConnection(name);
    } catch (error) {
      log.warn({ err: error, connection: name }, 'A connection could not be tried');
      const { message } = error as Error;
      const advice = 'Look at the log of Convenor, where there is more.';
      return [{ check: name, state: 'problem', detail: message, advice }];
    }
  }

  async function model(result?: { name: Connection; findings: readonly ConnectionFinding[] }) {
    const { timeZone } = await readSettings(db);
    return {
      title: 'Connections',
      section: 'settings',
      back: { href: '/admin/settings', label: 'Settings' },
      connections: CONNECTIONS.map((name) => ({
        name,
        ...wordsFor(name, config),
        findings:
          result?.name === name
            ? result.findings.map(({ state, detail, advice }) => ({
                ...TONES[state],
                detail: /[.!?]$/.test(detail) ? capital(detail) : `${capital(detail)}.`,
                advice,
              }))
            : undefined,
      })),
      outbox: config.SMTP_URL === undefined,
      now: formatDateTime(clock.now(), timeZone),
    };
  }
});

function wordsFor(name: Connection, config: Config): { title: string; about: string; on: boolean } {
  switch (name) {
    case 'mail': {
      const on = config.SMTP_URL !== undefined;
      const about = on
        ? `Mail goes out as ${config.MAIL_FROM ?? ''}.`
        : 'None is set, so every mail stays in the outbox. Set SMTP_URL and MAIL_FROM to send mail.';
      return { title: 'Mail server', about, on };
    }
    case 'mailerlite': {
      const on = config.MAILERLITE_API_KEY !== undefined;
      const about = on
        ? 'The list there is kept in step.'
        : 'Set MAILERLITE_API_KEY to keep the list there in step.';
      return { title: 'MailerLite', about, on };
    }
    case 'zoom': {
      const on = config.ZOOM_CLIENT_ID !== undefined;
      const about = on
        ? 'Convenor makes the meetings there.'
        : 'You paste the meeting link yourself. Set ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID and ZOOM_CLIENT_SECRET to have meetings made.';
      return { title: 'Zoom', about, on };
    }
    case 'redis': {
      const about =
        config.REDIS_URL === undefined
          ? 'A private one runs while Convenor does. It holds the work that is being done.'
          : 'The one of REDIS_URL. It holds the work that is being done.';
      return { title: 'Redis', about, on: true };
    }
    case 'database': {
      const about =
        config.DATABASE_URL === undefined
          ? 'The embedded one, in the data folder. It holds everything.'
          : 'The PostgreSQL of DATABASE_URL. It holds everything.';
      return { title: 'Database', about, on: true };
    }
  }
}
