/** Checks of when it goes out and to how many. */
import { formatDate, formatDateTime } from '../calendar/format.ts';
import { isQuiet } from '../calendar/quiet-hours.ts';
import { toWall } from '../calendar/wall.ts';
import type { Finding } from '../kernel/finding.ts';
import { outlineOf } from './text.ts';
import type { Checked, Sending } from './types.ts';

const MONTHS = 'january february march april may june july august september october november december'.split(
  ' ',
);
const DATE = new RegExp(
  String.raw`\b(\d{1,2})(?:st|nd|rd|th)? (${MONTHS.join('|')}) (\d{4})\b|\b(\d{4})-(\d{2})-(\d{2})\b`,
  'gi',
);

const warning = (check: string, message: string): Finding => ({ level: 'warning', check, message });

/** A time that has passed, or lies in the hours in which no mail is sent. */
export function checkTime({ wantedAt, sendAt, now, zone, quietHours }: Sending): Finding[] {
  const goes = `It will go out on ${formatDateTime(sendAt, zone)}.`;
  if (wantedAt !== null && Temporal.Instant.compare(wantedAt, now) < 0) {
    return [warning('time', `The time that was chosen has passed. ${goes}`)];
  }
  if (isQuiet(wantedAt ?? now, zone, quietHours)) {
    return [warning('quiet hours', `The time lies in the quiet hours. ${goes}`)];
  }
  return [];
}

/** Other mail to the same people that day. */
export function checkSameDay({ sameDay, zone }: Sending): Finding[] {
  return sameDay.map(({ title, sendAt }) =>
    warning(
      'same day',
      `The same people get another mail that day: "${title}", ${formatDateTime(sendAt, zone)}.`,
    ),
  );
}

/** A number of people that is unlike the last ones: perhaps the wrong topic, or a list that was half imported. */
export function checkAudience({ audience, lastAudiences }: Sending): Finding[] {
  if (audience === 0) {
    return [
      { level: 'error', check: 'audience', message: 'It would reach nobody: there is nobody to send it to.' },
    ];
  }
  if (lastAudiences.length === 0) return [];
  const least = Math.min(...lastAudiences);
  const most = Math.max(...lastAudiences);
  if (audience >= least / 2 && audience <= most * 2) return [];
  return [
    warning(
      'audience',
      `It would reach ${audience} people; the last ones reached ${lastAudiences.join(', ')}. Is the audience right?`,
    ),
  ];
}

/** What will be over when it goes out: the thing itself, or a date that the text names. */
export function checkDates({
  sending,
  ...checked
}: Pick<Checked, 'sending' | 'body' | 'valueOf'>): Finding[] {
  const { sendAt, endsAt, zone } = sending;
  if (endsAt !== null && Temporal.Instant.compare(endsAt, sendAt) <= 0) {
    return [
      {
        level: 'error',
        check: 'dates',
        message: `What it is about is over when it goes out on ${formatDateTime(sendAt, zone)}.`,
      },
    ];
  }
  const day = toWall(sendAt, zone).toPlainDate();
  return outlineOf(checked).passages.flatMap(({ text, line }) =>
    datesIn(text)
      .filter((date) => Temporal.PlainDate.compare(date, day) < 0)
      .map((date) => ({
        level: 'warning' as const,
        check: 'dates',
        line,
        message: `${formatDate(date)} will be past when it goes out.`,
      })),
  );
}

function datesIn(text: string): Temporal.PlainDate[] {
  return [...text.matchAll(DATE)].flatMap(([, day, month, year, isoYear, isoMonth, isoDay]) => {
    const fields = isoYear
      ? { year: Number(isoYear), month: Number(isoMonth), day: Number(isoDay) }
      : { year: Number(year), month: MONTHS.indexOf(month!.toLowerCase()) + 1, day: Number(day) };
    try {
      return [Temporal.PlainDate.from(fields, { overflow: 'reject' })];
    } catch {
      return [];
    }
  });
}
