import { checkCertificate, type CheckResult } from '../../attendance/certificates.ts';
import { formatDate, formatDateTime, formatDuration } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { readSettings } from '../../organisation/settings.ts';
import { query } from '../form.ts';
import { routes } from '../plugin.ts';
import { SENDING_IN } from './open-form.ts';

/** Where anybody can check a certificate by the code on it. It tells what the paper says and nothing besides. */
export const certificatePages = routes({ name: 'certificate', needs: ['access', 'pages'] }, (app) => {
  const { db } = app.deps;
  const limited = { config: { rateLimit: SENDING_IN } };

  app.get('/certificates', limited, async (request, reply) => {
    const code = query(request, 'code');
    if (code === '') return reply.page('public/certificate', { title: 'Check a certificate' });
    return reply.redirect(`/certificates/${encodeURIComponent(code)}`, 303);
  });

  app.get<{ Params: { code: string } }>('/certificates/:code', limited, async (request, reply) => {
    const { code } = request.params;
    const { timeZone } = await readSettings(db);
    const check = await checkCertificate(db, code);
    return reply
      .code(check.result === 'unknown' ? 404 : 200)
      .header('x-robots-tag', 'noindex')
      .page('public/certificate', {
        title: 'Check a certificate',
        code,
        ...checkView(check, timeZone),
      });
  });
});

function checkView(check: CheckResult, zone: string) {
  const day = (at: Temporal.Instant, where: string) => formatDate(toWall(at, where).toPlainDate());
  if (check.result === 'unknown') return { isUnknown: true };
  if (check.result === 'revoked') return { revokedOn: day(check.revokedAt, zone) };
  return {
    valid: {
      name: check.name,
      title: check.title,
      held: formatDateTime(check.heldAt, check.zone),
      length: formatDuration(check.minutes),
      by: `${check.groupName}, ${check.organisation}`,
      issued: day(check.issuedAt, check.zone),
    },
  };
}
