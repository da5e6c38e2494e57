/** The figures of the overview: the list, the mails and the meetings over the last months. */
import { sentByMonth } from '../announcements/books.ts';
import { attendanceTrend } from '../attendance/report.ts';
import { formatShortDate } from '../calendar/format.ts';
import { toInstant, toWall } from '../calendar/wall.ts';
import { monthName } from '../calendar/words.ts';
import type { Tx } from '../db/open.ts';
import { TOPICS } from '../db/schema.ts';
import { listHistory } from '../subscribers/list-history.ts';
import { chartView, type ChartView } from './charts.ts';
import { people, TOPIC_WORDS } from './words.ts';

const MONTHS = 12;

/** The charts that there is something to draw in, for the twelve months up to now. */
export async function figuresOf(tx: Tx, now: Temporal.Instant, zone: string): Promise<ChartView[]> {
  const until = toWall(now, zone).toPlainDate().toPlainYearMonth();
  const first = until.subtract({ months: MONTHS - 1 });
  const history = await listHistory(tx, { until, months: MONTHS });
  const months = history.map(({ month }) => monthLabel(month));
  const newest = history.at(-1);
  const sent = await sentByMonth(tx, {
    from: toInstant(first.toPlainDate({ day: 1 }).toPlainDateTime(), zone),
    zone,
  });
  const sentMonths =
    sent.length === 0
      ? []
      : monthsBetween(Temporal.PlainYearMonth.from(sent[0]!.month), until).filter(
          (month) => Temporal.PlainYearMonth.compare(month, first) >= 0,
        );
  const meetings = await attendanceTrend(tx, { limit: MONTHS });
  return [
    chartView({
      id: 'list-size',
      title: 'The list, by topic',
      summary:
        newest === undefined
          ? ''
          : `At the end of each month. Now: ${TOPICS.map((topic) => `${TOPIC_WORDS[topic].toLowerCase()} ${people(newest.size[topic])}`).join(', ')}.`,
      kind: 'lines',
      over: 'Month',
      labels: months,
      series: TOPICS.map((topic) => ({
        name: TOPIC_WORDS[topic],
        values: history.map(({ size }) => size[topic]),
      })),
    }),
    chartView({
      id: 'joins',
      title: 'Who came and who left',
      summary: 'People who came to the list, and people who left it altogether, in each month.',
      kind: 'bars',
      over: 'Month',
      labels: months,
      series: [
        { name: 'Joined', values: history.map(({ joined }) => joined) },
        { name: 'Left', values: history.map(({ left }) => left) },
      ],
    }),
    chartView({
      id: 'deliveries',
      title: 'Mails that went out',
      summary: 'Mails to the group that were sent, in each month.',
      kind: 'bars',
      over: 'Month',
      labels: sentMonths.map(monthLabel),
      series: [
        {
          name: 'Sent',
          values: sentMonths.map((month) => sent.find((each) => each.month === month.toString())?.sent ?? 0),
        },
      ],
    }),
    chartView({
      id: 'attendance',
      title: 'Who came to the meetings',
      summary: 'People at the latest meetings, and how many had said that they would come.',
      kind: 'bars',
      over: 'Meeting',
      labels: meetings.map(({ startsAt, title, meetingId, zone: meetingZone }) => {
        const date = toWall(startsAt, meetingZone).toPlainDate();
        return {
          short: `${date.day}/${date.month}`,
          long: `${formatShortDate(date)}, ${title}`,
          href: `/admin/meetings/${meetingId}`,
        };
      }),
      series: [
        { name: 'Came', values: meetings.map((meeting) => meeting.people) },
        { name: 'Had said yes', values: meetings.map(({ saidYes }) => saidYes) },
      ],
    }),
  ].filter((chart) => chart !== undefined);
}

function monthLabel(month: Temporal.PlainYearMonth) {
  const name = monthName(month.month);
  return { short: name.slice(0, 3), long: `${name} ${month.year}` };
}

function monthsBetween(first: Temporal.PlainYearMonth, last: Temporal.PlainYearMonth) {
  const count = first.until(last, { largestUnit: 'months' }).months + 1;
  return Array.from({ length: Math.max(0, count) }, (_, index) => first.add({ months: index }));
}
