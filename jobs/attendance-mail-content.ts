import { z } from 'zod';
import { getCertificate, type Certificate } from '../src/attendance/certificates.ts';
import { formatDateTime, formatDuration } from '../src/calendar/format.ts';
import type { Settings } from '../src/organisation/settings.ts';
import { certificatePdf } from '../src/render/certificate-pdf.ts';
import type { ServiceMailMaker } from './service-mail-content.ts';

const aboutCertificate = z.object({ certificateId: z.uuid() });

/** Where anybody can check a certificate. */
export function certificateCheckUrl(baseUrl: string, checkCode: string): string {
  return `${baseUrl}/certificates/${checkCode}`;
}

/** The certificate as PDF. */
export function drawCertificate(
  certificate: Certificate,
  { baseUrl, settings }: { baseUrl: string; settings: Pick<Settings, 'brandColour'> },
): Promise<Uint8Array> {
  return certificatePdf({
    ...certificate,
    brandColour: settings.brandColour,
    checkUrl: certificateCheckUrl(baseUrl, certificate.checkCode),
  });
}

/** Mail to people who came to a meeting. */
export const ATTENDANCE_MAILS: Readonly<Record<string, ServiceMailMaker>> = {
  async certificate({ data }, { db, config, renderer, sender, settings }) {
    const certificate = await getCertificate(db, aboutCertificate.parse(data).certificateId);
    const { title, heldAt, zone, minutes, checkCode } = certificate;
    const content = await drawCertificate(certificate, {
      baseUrl: config.BASE_URL,
      settings: await settings(),
    });
    return {
      ...renderer.mail('letter', {
        sender,
        heading: 'Your certificate of attendance',
        paragraphs: [
          `Thank you for coming to “${title}” on ${formatDateTime(heldAt, zone)}.`,
          `Your certificate over ${formatDuration(minutes)} is attached, with a page for your own reflection. Keep both with your CPD record.`,
          `Whoever you show it to can check it with the code ${checkCode}.`,
        ],
        link: { url: certificateCheckUrl(config.BASE_URL, checkCode), label: 'See the check page' },
        why: 'You get this because you came to our meeting.',
      }),
      attachments: [{ filename: `certificate-${checkCode}.pdf`, content, contentType: 'application/pdf' }],
    };
  },
};
