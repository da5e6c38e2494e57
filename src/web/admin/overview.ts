import { sql } from 'drizzle-orm';
import { sentByMonth } from '../../announcements/books.ts';
import { listAnnouncements, queryPlan, type PlanEntry } from '../../announcements/plan-query.ts';
import { formatDate, formatShortDate, formatTime } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { rows } from '../../db/open.ts';
import { meetingsBetween, nextMeetings, type Meeting } from '../../meetings/occurrences.ts';
import { subscribersByState } from '../../subscribers/subscriber-search.ts';
import { acting } from '../acting.ts';
import { attentionOf, healthInWords } from '../attention.ts';
import { figuresOf } from '../figures.ts';
import { routes } from '../plugin.ts';
import { invitationView } from '../public/invitation.ts';
import { announcementRow } from '../views.ts';
import { leafOf } from '../schedule-form.ts';
import { ANNOUNCEMENT_WORDS, grouped, MEETING_WORDS, people } from '../words.ts';

const DAYS_AHEAD = 60;
/** Days on which something goes out that are shown before the rest is folded away. */
const DAYS_SHOWN = 8;
const GONE_OUT = ['sending', 'sent', 'held', 'missed', 'failed'] as const;

/** The first page after signing in: what comes, what went, what waits for a person, and how the program is. */
export const overviewPages = routes({ name: 'overview', needs: ['access', 'pages'] }, (app) => {
  const { db, clock, config } = app.deps;

  app.get('/admin', async (request, reply) => {
    const { settings } = await acting(request);
    if (settings.setupCompletedAt === undefined) return reply.redirect('/admin/set-up/organisation', 303);
    const now = clock.now();
    const today = toWall(now, settings.timeZone).toPlainDate();
    const end = now.add({ hours: 24 * DAYS_AHEAD });
    const [next] = (await nextMeetings(db, { after: now.subtract({ hours: 3 }), limit: 5 })).filter(
      ({ startsAt, durationMinutes, status }) =>
        status === 'scheduled' &&
        Temporal.Instant.compare(startsAt.add({ minutes: durationMinutes }), now) > 0,
    );
    const plan = await queryPlan(
      db,
      { from: today, to: today.add({ days: DAYS_AHEAD }) },
      { clock, settings },
    );
    const figures = await figuresNow(now);
    const coming = plan.filter((entry) => isComing(entry, now));
    const meetings = await meetingsBetween(db, now, end);
    const recent = await listAnnouncements(db, { states: GONE_OUT, upTo: now, limit: 4 });
    return reply.page('admin/overview', {
      title: `${greeting(toWall(now, settings.timeZone).hour)}, ${firstName(request.admin?.name ?? '')}`,
      section: 'overview',
      lead: formatDate(today),
      next: next === undefined ? undefined : invitationView(next, { now, baseUrl: config.BASE_URL }),
      ...inParts(timeline(meetings, coming, settings.timeZone)),
      comingCounts: comingCounts(meetings, coming),
      recent: recent.map(announcementRow),
      attention: await attentionOf(db, now, { role: request.admin?.role ?? 'editor', settings }),
      health: await healthInWords(app.deps),
      figures,
      guide: await guideOf(figures, next !== undefined || plan.length > 0),
      charts: await figuresOf(db, now, settings.timeZone),
    });
  });

  app.get('/admin/more', async (_request, reply) =>
    reply.page('admin/more', { title: 'More', section: 'more' }),
  );

  async function figuresNow(now: Temporal.Instant) {
    const { active } = await subscribersByState(db);
    const sent = await sentByMonth(db, { from: now.subtract({ hours: 24 * 30 }), zone: 'UTC' });
    return {
      subscribers: active,
      subscribersText: grouped(active),
      sentText: grouped(sent.reduce((sum, month) => sum + month.sent, 0)),
      hasSent: sent.some((month) => month.sent > 0),
    };
  }

  /** The first steps of a new group; gone once they are done and a mail was seen to arrive. */
  async function guideOf(
    { subscribers, hasSent }: { subscribers: number; hasSent: boolean },
    hasMeetings: boolean,
  ) {
    if (hasMeetings && subscribers > 0 && hasSent) return undefined;
    const [mail] = await rows<{ tested: boolean; sent: boolean }>(
      db,
      sql`select exists (select 1 from service_mails where kind = 'test') as tested,
        exists (select 1 from announcements where state = 'sent') as sent`,
    );
    const steps = [
      {
        done: hasMeetings,
        label: 'Enter when the group meets',
        href: '/admin/meetings/series/new',
        action: 'Enter meetings',
      },
      {
        done: subscribers > 0,
        label: 'Bring your people in',
        href: '/admin/subscribers/import',
        action: 'Import a list',
      },
      {
        done: config.SMTP_URL !== undefined,
        label: 'Connect a mail server (until then mail stays in the outbox)',
        href: '/admin/settings/connections',
        action: 'How to',
      },
      {
        done: mail!.tested,
        label: 'See a test mail in your own inbox',
        href: '/admin/settings/connections#test-title',
        action: 'Send it',
      },
    ];
    const isOver = hasMeetings && subscribers > 0 && (mail!.tested || mail!.sent);
    return isOver ? undefined : { steps };
  }
});

/** Still to go out; a notice of this hour may be under way. */
function isComing({ state, sendAt }: PlanEntry, now: Temporal.Instant): boolean {
  const cutoff = now.subtract({ hours: 1 });
  return (
    ['approved', 'awaiting_approval', 'held', 'sending'].includes(state) &&
    Temporal.Instant.compare(Temporal.Instant.from(sendAt), cutoff) >= 0
  );
}

/** "4 meetings", "9 reminders", "2 bulletins", "1 campaign at MailerLite", "1,890 mails": what the weeks hold. */
function comingCounts(meetings: readonly Meeting[], plan: readonly PlanEntry[]) {
  const counts = new Map<string, number>();
  const add = (unit: string, n = 1) => counts.set(unit, (counts.get(unit) ?? 0) + n);
  add('meeting', meetings.filter(({ status }) => status === 'scheduled' || status === 'undecided').length);
  for (const entry of plan) {
    if (entry.channel === 'mailerlite') add('campaign');
    else add(planWord(entry.kind));
    add('mail', entry.audience);
  }
  return [...counts]
    .filter(([, n]) => n > 0)
    .map(([unit, n]) => ({ amount: grouped(n), unit: n === 1 ? unit : `${unit}s`, isMails: unit === 'mail' }))
    .toSorted((a, b) => Number(a.isMails) - Number(b.isMails));
}

function planWord(kind: string): string {
  if (kind === 'reminder') return 'reminder';
  return kind.endsWith('bulletin') ? 'bulletin' : 'announcement';
}

function planIcon({ kind, channel }: PlanEntry): string {
  if (channel === 'mailerlite') return 'icons/repeat';
  const icons: Record<string, string> = { reminder: 'icons/bell', bulletin: 'icons/book' };
  return icons[planWord(kind)] ?? 'icons/send';
}

interface TimelineEntry {
  readonly at: Temporal.Instant;
  readonly icon: string;
  readonly shape: string;
  readonly title: string;
  readonly href: string | undefined;
  readonly detail: string;
  readonly word: { readonly state: string; readonly tone: string } | undefined;
}

/** Meetings and notices of the coming weeks, by day. */
function timeline(meetings: readonly Meeting[], plan: readonly PlanEntry[], zone: string) {
  const entries: TimelineEntry[] = [
    ...meetings.map((meeting) => ({
      at: meeting.startsAt,
      icon: 'icons/meeting',
      shape: 'is-meeting',
      title: meeting.title,
      href: `/admin/meetings/${meeting.id}`,
      detail: `Meeting, ${formatTime(toWall(meeting.startsAt, meeting.zone).toPlainTime())}`,
      word: meeting.status === 'scheduled' ? undefined : MEETING_WORDS[meeting.status],
    })),
    ...plan.map((entry) => {
      const at = Temporal.Instant.from(entry.sendAt);
      return {
        at,
        icon: planIcon(entry),
        shape: '',
        title: entry.title,
        href: entry.foreseen ? undefined : `/admin/announcements/${entry.id}`,
        detail: [
          `${formatTime(toWall(at, zone).toPlainTime())}, to ${people(entry.audience)}`,
          ...(entry.channel === 'mailerlite' ? ['by MailerLite'] : []),
          ...(entry.meetingStart === null
            ? []
            : [
                `for ${formatShortDate(toWall(Temporal.Instant.from(entry.meetingStart), zone).toPlainDate())}`,
              ]),
        ].join(', '),
        word: entry.state === 'approved' ? undefined : ANNOUNCEMENT_WORDS[entry.state],
      };
    }),
  ].sort((a, b) => Temporal.Instant.compare(a.at, b.at));
  const days = new Map<string, TimelineEntry[]>();
  for (const entry of entries) {
    const day = toWall(entry.at, zone).toPlainDate().toString();
    days.set(day, [...(days.get(day) ?? []), entry]);
  }
  return [...days].map(([day, dayEntries]) => {
    const date = Temporal.PlainDate.from(day);
    return {
      date: formatDate(date),
      leaf: leafOf(date),
      shape: dayEntries.some(({ shape }) => shape === 'is-meeting') ? '' : 'faded',
      entries: dayEntries,
    };
  });
}

/** The next days in full, those after them folded away. */
function inParts<Day extends { readonly date: string }>(days: readonly Day[]) {
  const later = days.slice(DAYS_SHOWN);
  if (later.length < 3) return { days, later: [] };
  return {
    days: days.slice(0, DAYS_SHOWN),
    later,
    laterWords: `${later.length} more days, up to ${later.at(-1)!.date}`,
  };
}

function greeting(hour: number): string {
  if (hour < 12) return 'Good morning';
  return hour < 18 ? 'Good afternoon' : 'Good evening';
}

function firstName(name: string): string {
  return name.split(' ')[0] ?? name;
}
