import { z } from 'zod';

/** An ISO 8601 text with an offset as an instant. */
export const instantText = z.string().transform((text, context) => {
  try {
    return Temporal.Instant.from(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'is not an instant' });
    return z.NEVER;
  }
});

/** Ids are numbers in answers and texts in some events; here they are always texts. */
export const meetingId = z.union([z.number(), z.string().min(1)]).transform(String);
