/** What waits for the administrator, and how the program is, in plain words. */
import { sql } from 'drizzle-orm';
import { bulletinsToApprove } from '../announcements/bulletins-overview.ts';
import { listDrafts } from '../announcements/compose.ts';
import { listAnnouncements } from '../announcements/plan-query.ts';
import { openSendingHold } from '../announcements/sending-hold.ts';
import { formatShortDateTime } from '../calendar/format.ts';
import { rows, type Tx } from '../db/open.ts';
import { countItemsToDecide } from '../noticeboard/items.ts';
import { meetingsBetween } from '../meetings/occurrences.ts';
import type { AdminRole } from '../organisation/admins.ts';
import type { Settings } from '../organisation/settings.ts';
import { roomsNeedingAttention } from '../rooms/view.ts';
import { planWarnings } from '../sync/overview.ts';
import { listRuns } from '../sync/pull-runs.ts';
import { readWebhookState } from '../sync/webhook-state.ts';
import type { WebDependencies } from './dependencies.ts';
import { decisionView } from './admin/meetings.ts';
import { grouped, people } from './words.ts';

const AHEAD = { hours: 24 * 125 };
const MISSED_SHOWN_FOR = { hours: 24 * 21 };

export interface Matter {
  readonly tone: 'warn' | 'bad';
  readonly icon: string;
  readonly title: string;
  readonly text: string;
  readonly href: string;
  readonly link: string;
}

/** Everything that only a person can settle: decisions on dates, and runs that stopped, were missed or are uncertain. */
export async function attentionOf(
  tx: Tx,
  now: Temporal.Instant,
  { role, settings }: { role: AdminRole; settings: Settings },
) {
  const undecided = (await meetingsBetween(tx, now, now.add(AHEAD)))
    .filter(({ status }) => status === 'undecided')
    .map(decisionView);
  const matters: Matter[] = [];
  const hold = await openSendingHold(tx);
  if (hold !== undefined) {
    matters.push({
      tone: 'bad',
      icon: 'icons/stop',
      title: 'All sending is held',
      text: `${hold.reason} Nothing goes out until an administrator has compared and released it.`,
      href: '/admin/sending',
      link: 'Compare and release',
    });
  }
  for (const { announcement, books } of await listAnnouncements(tx, { states: ['held'], limit: 20 })) {
    matters.push({
      tone: 'warn',
      icon: 'icons/pause',
      title: `On hold: ${announcement.title}`,
      text: `${announcement.stateReason ?? 'Put on hold by hand.'} ${books.audience > 0 ? `${grouped(books.sent)} of ${people(books.audience)} have it.` : ''}`.trim(),
      href: `/admin/announcements/${announcement.id}`,
      link: 'Resume or cancel',
    });
  }
  for (const { id, title, n } of await withUnknown(tx)) {
    matters.push({
      tone: 'warn',
      icon: 'icons/question',
      title: `${n === 1 ? 'One delivery is' : `${grouped(n)} deliveries are`} uncertain: ${title}`,
      text: 'The mail was handed over but the answer never came. It is not sent again by itself.',
      href: `/admin/announcements/${id}?state=unknown`,
      link: 'Look into it',
    });
  }
  for (const { announcement } of await listAnnouncements(tx, { states: ['missed', 'failed'], limit: 20 })) {
    if (Temporal.Instant.compare(announcement.sendAt, now.subtract(MISSED_SHOWN_FOR)) < 0) continue;
    matters.push({
      tone: 'bad',
      icon: 'icons/alert',
      title: `Not sent: ${announcement.title}`,
      text: `Due ${formatShortDateTime(announcement.sendAt, announcement.zone)}. ${announcement.stateReason ?? ''}`.trim(),
      href: `/admin/announcements/${announcement.id}`,
      link: 'See what happened',
    });
  }
  for (const { id, title, sendAt, zone, stateReason } of await bulletinsToApprove(tx, now)) {
    matters.push({
      tone: 'warn',
      icon: 'icons/book',
      title: `To approve: ${title}`,
      text: `Due ${formatShortDateTime(sendAt, zone)}. ${stateReason ?? 'It waits for you.'}`,
      href: `/admin/bulletins/${id}`,
      link: 'Look at it',
    });
  }
  const items = await countItemsToDecide(tx);
  if (items > 0) {
    matters.push({
      tone: 'warn',
      icon: 'icons/list',
      title: `${items === 1 ? 'One item waits' : `${grouped(items)} items wait`} for a decision`,
      text: 'Somebody handed it in for the noticeboard. Nobody sees it before you approve it.',
      href: '/admin/items',
      link: 'Decide',
    });
  }
  matters.push(...(await draftsToApprove(tx)), ...(await roomsInTrouble(tx, now)));
  if (role === 'administrator') matters.push(...(await forAdministrators(tx, now, settings)));
  return { undecided, matters, count: undecided.length + matters.length };
}

async function draftsToApprove(tx: Tx): Promise<Matter[]> {
  return (await listDrafts(tx, { limit: 10 })).map(({ announcement }) => ({
    tone: 'warn',
    icon: 'icons/edit',
    title: `A draft waits: ${announcement.title}`,
    text: 'Nobody gets it before it is approved.',
    href: `/admin/announcements/${announcement.id}`,
    link: 'Look at it',
  }));
}

async function roomsInTrouble(tx: Tx, now: Temporal.Instant): Promise<Matter[]> {
  return (await roomsNeedingAttention(tx, now)).map((room) => ({
    tone: 'warn',
    icon: 'icons/video',
    title: `The room at Zoom needs you: ${room.title}`,
    text: `${formatShortDateTime(room.startsAt, room.zone)}. ${room.problem ?? (room.state === 'lost' ? 'Somebody removed it at Zoom.' : 'Somebody changed it at Zoom.')}`,
    href: `/admin/meetings/${room.meetingId}`,
    link: 'Open the meeting',
  }));
}

/** What lies on pages that editors do not see. */
async function forAdministrators(tx: Tx, now: Temporal.Instant, settings: Settings): Promise<Matter[]> {
  const [waiting] = await rows<{ differences: number; complaints: number }>(
    tx,
    sql`select (select count(*)::int from sync_differences where resolved_at is null) as differences,
      (select count(*)::int from complaints where state = 'open') as complaints`,
  );
  const { differences, complaints } = waiting!;
  const matters: Matter[] = [];
  if (complaints > 0) {
    matters.push({
      tone: 'bad',
      icon: 'icons/alert',
      title: `${complaints === 1 ? 'One complaint waits' : `${grouped(complaints)} complaints wait`} for an answer`,
      text: 'The law asks for an acknowledgement within 30 days.',
      href: '/admin/complaints',
      link: 'Read',
    });
  }
  if (differences > 0) {
    matters.push({
      tone: 'warn',
      icon: 'icons/repeat',
      title: `${differences === 1 ? 'One difference' : `${grouped(differences)} differences`} to MailerLite`,
      text: 'The two lists disagree, and only you can say which of them is right.',
      href: '/admin/mailerlite',
      link: 'Decide',
    });
  }
  const [lastRun] = await listRuns(tx, { limit: 1 });
  const limits = await planWarnings(tx, settings, { clock: { now: () => now }, zone: settings.timeZone });
  const webhook = await readWebhookState(tx);
  const faults = webhook.wanted ? webhook.faults : [];
  const inMailerLite = {
    tone: 'warn',
    icon: 'icons/repeat',
    href: '/admin/mailerlite',
    link: 'Look at it',
  } as const;
  if (lastRun?.state === 'failed') {
    matters.push({
      ...inMailerLite,
      tone: 'bad',
      title: 'The last comparison with MailerLite failed',
      text: lastRun.reason ?? 'Nothing is known of the reason.',
    });
  }
  for (const text of limits) {
    matters.push({ ...inMailerLite, title: 'A limit of MailerLite’s plan', text });
  }
  if (faults.length > 0) {
    matters.push({
      ...inMailerLite,
      title: 'MailerLite’s reports were out of order at the last look',
      text: `${faults.join(' ')} They are registered anew; compare the lists to be sure that nothing was missed.`,
    });
  }
  return matters;
}

function withUnknown(tx: Tx): Promise<{ id: string; title: string; n: number }[]> {
  return rows(
    tx,
    sql`select a.id, a.title, count(*)::int as n from deliveries d join announcements a on a.id = d.announcement_id
      where d.state = 'unknown' group by a.id, a.title order by a.send_at desc limit 20`,
  );
}

interface HealthLine {
  readonly tone: 'good' | 'warn' | 'bad' | 'info';
  readonly icon: string;
  readonly what: string;
  readonly detail: string;
}

const SILENT_AFTER_SECONDS = 60;

/** Whether the background work runs, mail can leave and nothing is stuck. */
export async function healthInWords({ db, clock, queue, config }: WebDependencies): Promise<HealthLine[]> {
  const now = clock.now();
  const [work] = await rows<{ age: number | null; failing: number; reason: string | null }>(
    db,
    sql`select (select extract(epoch from ${now.toString()}::timestamptz - max(at))::float8 from heartbeats) as age,
        count(*)::int as failing, (array_agg(reason order by failed_at desc))[1] as reason
      from job_failures where failures >= 3`,
  );
  const { failing, reason } = work!;
  const lines: HealthLine[] = [];
  const age = work!.age ?? undefined;
  if (age !== undefined && age < SILENT_AFTER_SECONDS) {
    lines.push(line('good', 'Convenor is at work', 'The background work gave a sign of life a moment ago.'));
  } else {
    lines.push(
      line(
        'bad',
        'The background work is silent',
        age === undefined
          ? 'It has not given a sign of life yet. If this stays for a minute, restart Convenor.'
          : `Its last sign of life was ${Math.round(age / 60)} minutes ago. Restart Convenor; nothing is lost by that.`,
      ),
    );
  }
  const findings = queue.ready ? await queue.check() : [];
  const finding = findings.find(({ state }) => state !== 'ok');
  if (!queue.ready) {
    lines.push(
      line(
        'bad',
        'The job queue is away',
        'Nothing goes out until Redis answers again; then everything that is due goes out.',
      ),
    );
  } else if (finding !== undefined) {
    lines.push(
      line(
        'warn',
        'The job queue is not set up safely',
        [finding.detail, finding.advice].filter(Boolean).join(' '),
      ),
    );
  }
  if (config.SMTP_URL === undefined) {
    lines.push(
      line(
        'info',
        'Mail stays in the outbox',
        'No mail server is set up, so nothing leaves this machine. You can read every mail in the outbox.',
      ),
    );
  } else {
    lines.push(line('good', 'Mail goes out by your mail server', `Sent as ${config.MAIL_FROM ?? ''}.`));
  }
  if (failing > 0) {
    lines.push(
      line(
        'warn',
        `${failing === 1 ? 'One task keeps' : `${failing} tasks keep`} failing`,
        `${reason ?? ''} It is tried again by itself.`.trim(),
      ),
    );
  }
  if (config.DATABASE_URL === undefined) {
    lines.push(
      line(
        'info',
        'Data is in the embedded database',
        'Good for one machine. Make a backup now and then: npm run convenor -- backup.',
      ),
    );
  }
  return lines;
}

function line(tone: HealthLine['tone'], what: string, detail: string): HealthLine {
  const icons = { good: 'icons/check', warn: 'icons/warn', bad: 'icons/alert', info: 'icons/info' };
  return { tone, icon: icons[tone], what, detail };
}
