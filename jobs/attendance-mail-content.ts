import { z } from 'zod';
import { certificateCheckUrl, getCertificate } from '../src/attendance/certificates.ts';
import { formatDateTime, formatDuration } from '../src/calendar/format.ts';
import { certificatePdf } from '../src/render/certificate-pdf.ts';
import type { ServiceMailMaker } from './service-mail-content.ts';

const aboutCertificate = z.object({ certificateId: z.uuid() });

/** Mail to people who came to a meeting. */
export const ATTENDANCE_MAILS: Readonly<Record<string, ServiceMailMaker>> = {
  async certificate({ data }, { db, config, renderer, sender, settings }) {
    const certificate = await getCertificate(db, aboutCertificate.parse(data).certificateId);
    const { title, heldAt, zone, minutes, checkCode } = certificate;
    const checkUrl = certificateCheckUrl(config.BASE_URL, checkCode);
    const { brandColour } = await settings();
    const content = await certificatePdf({ ...certificate, brandColour, checkUrl });
    return {
      ...renderer.mail('letter', {
        sender,
        heading: 'Your certificate of attendance',
        paragraphs: [
          `Thank you for coming to “${title}” on ${formatDateTime(heldAt, zone)}.`,
          `Your certificate over ${formatDuration(minutes)} is attached, with a page for your own reflection. Keep both with your CPD record.`,
          `Whoever you show it to can check it with the code ${checkCode}.`,
        ],
        link: { url: checkUrl, label: 'See the check page' },
        why: 'You get this because you came to our meeting.',
      }),
      attachments: [{ filename: `certificate-${checkCode}.pdf`, content, contentType: 'application/pdf' }],
    };
  },
};
