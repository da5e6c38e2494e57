import { fillSlots, type FilledMail, type RenderedMail } from '../render/slots.ts';

/**
 * A mail as somebody of that name would read it, for those who look at it before it goes out. Its personal links lead
 * to pages that say so: nobody is unsubscribed by a preview.
 *
 * @param baseUrl public address of the server, without a slash at the end.
 */
export function sampleMail(mail: RenderedMail, name: string | null, baseUrl: string): FilledMail {
  return fillSlots(mail, {
    greetingName: name,
    unsubscribeUrl: `${baseUrl}/u/example`,
    preferencesUrl: `${baseUrl}/preferences/example`,
    rsvpUrl: `${baseUrl}/rsvp/example`,
  });
}
