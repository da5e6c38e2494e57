import { attendanceReport } from '../../attendance/report.ts';
import { listAnswers } from '../../attendance/rsvps.ts';
import type { Tx } from '../../db/open.ts';
import type { RsvpAnswer } from '../../db/schema.ts';
import type { Meeting } from '../../meetings/occurrences.ts';
import { people } from '../words.ts';

const ANSWER_WORDS: Readonly<Record<RsvpAnswer, { word: string; tone: string }>> = {
  yes: { word: 'yes', tone: 'good' },
  maybe: { word: 'perhaps', tone: 'info' },
  no: { word: 'no', tone: '' },
};

/** Who said they would come to a meeting and what they ask, and afterwards how many came, for the meeting's page. */
export async function peoplePart(tx: Tx, meeting: Meeting, now: Temporal.Instant) {
  const report = await attendanceReport(tx, meeting.id);
  const answers = await listAnswers(tx, meeting.id);
  const name = (given: string | null) => given ?? 'somebody without a name';
  const { known, guests } = report;
  return {
    hasBegun: Temporal.Instant.compare(meeting.startsAt, now) <= 0,
    came:
      report.list === 'none'
        ? undefined
        : `${people(known.length + guests.length)} came, ${known.length} of them from the list.`,
    counts: report.answers,
    questions: answers
      .filter(({ question }) => question !== '')
      .map((one) => ({ name: name(one.name), question: one.question })),
    answers: answers.map((one) => ({
      id: one.subscriberId,
      name: name(one.name),
      ...ANSWER_WORDS[one.answer],
    })),
  };
}
