import {
  certificateCheckUrl,
  getCertificate,
  issueCertificates,
  revokeCertificate,
  type Certificate,
} from '../../attendance/certificates.ts';
import { formatDate, formatDuration } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { invalidInput } from '../../kernel/errors.ts';
import { certificatePdf } from '../../render/certificate-pdf.ts';
import { acting } from '../acting.ts';
import { field, fieldList, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { counted } from '../words.ts';

type ById = { Params: { id: string } };

/** Certificates of attendance: issuing those of a meeting, looking at one, taking one back. */
export const certificateAdminPages = routes(
  { name: 'certificates', needs: ['access', 'pages', 'forms'] },
  (app) => {
    const { db, config, nudge } = app.deps;

    app.post<ById>('/admin/meetings/:id/certificates', async (request, reply) => {
      const context = await acting(request);
      const { id } = request.params;
      const chosen = fieldList(request, 'attendance');
      if (chosen.length === 0) {
        throw invalidInput({ field: 'attendance', message: 'choose at least one person' });
      }
      const issued = await issueCertificates(db, { meetingId: id, who: chosen }, context.settings, context);
      await nudge();
      flash(
        request,
        'good',
        issued.length === 0
          ? 'Nothing to do: these people have their certificates already.'
          : `${counted(issued.length, 'certificate')} issued. Each goes out by mail now.`,
      );
      return reply.redirect(`/admin/meetings/${id}/attendance#certificates`, 303);
    });

    app.get<ById>('/admin/certificates/:id/file', async (request, reply) => {
      const { settings } = await acting(request);
      const certificate = await getCertificate(db, request.params.id);
      const pdf = await certificatePdf({
        ...certificate,
        brandColour: settings.brandColour,
        checkUrl: certificateCheckUrl(config.BASE_URL, certificate.checkCode),
      });
      return reply
        .type('application/pdf')
        .header('content-disposition', `attachment; filename="certificate-${certificate.checkCode}.pdf"`)
        .header('cache-control', 'no-store')
        .send(Buffer.from(pdf));
    });

    app.get<ById>('/admin/certificates/:id/revoke', async (request, reply) => {
      const certificate = await getCertificate(db, request.params.id);
      return reply.page('admin/revoke-certificate', revokeModel(certificate, freshForm()));
    });

    app.post<ById>('/admin/certificates/:id/revoke', async (request, reply) => {
      const context = await acting(request);
      const { id } = request.params;
      const reason = field(request, 'reason');
      try {
        const { meetingId, name } = await revokeCertificate(db, { id, reason }, context);
        flash(
          request,
          'good',
          `The certificate of ${name} is taken back. Its check page says so from now on.`,
        );
        return await reply.redirect(`/admin/meetings/${meetingId}/attendance#certificates`, 303);
      } catch (error) {
        const form = rejectedForm({ reason }, error, { reason: 'The reason' });
        return reply
          .code(422)
          .page('admin/revoke-certificate', revokeModel(await getCertificate(db, id), form));
      }
    });
  },
);

/** A certificate in the list of a meeting. */
export function certificateRow(certificate: Certificate) {
  const day = (at: Temporal.Instant) => formatDate(toWall(at, certificate.zone).toPlainDate());
  return {
    id: certificate.id,
    name: certificate.name,
    length: formatDuration(certificate.minutes),
    code: certificate.checkCode,
    issued: `${day(certificate.issuedAt)}${certificate.issuedBy === 'system' ? ', by itself' : ''}`,
    revoked: certificate.revokedAt === null ? undefined : day(certificate.revokedAt),
    reason: certificate.revokeReason ?? undefined,
  };
}

function revokeModel(certificate: Certificate, form: FormModel) {
  return {
    title: `Take the certificate of ${certificate.name} back?`,
    section: 'meetings',
    back: { href: `/admin/meetings/${certificate.meetingId}/attendance`, label: 'Who came' },
    certificate: certificateRow(certificate),
    meeting: certificate.title,
    form,
  };
}
