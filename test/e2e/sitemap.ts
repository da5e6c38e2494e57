import { sql } from 'drizzle-orm';
import { rows } from '../../src/db/open.ts';
import type { Site } from '../web/site.ts';

/** A page that a person can look at: `name` for files and messages, `path` in this database. */
export interface SitePage {
  readonly name: string;
  readonly path: string;
  /** Looked at where a MailerLite account is connected. */
  readonly connected?: true;
}

/** Stands in a path for what this database has none of. */
export const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Every page of the site in a living group. */
export async function sitemap({ deps }: Site): Promise<SitePage[]> {
  const { db, links } = deps;
  const one = async (statement: ReturnType<typeof sql>) =>
    (await rows<{ id: string }>(db, statement))[0]?.id ?? NOBODY;
  const now = deps.clock.now().toString();
  const meeting = await one(
    sql`select id from meetings where status = 'scheduled' and starts_at > ${now}::timestamptz order by starts_at limit 1`,
  );
  const undecided = await one(
    sql`select id from meetings where status = 'undecided' order by starts_at limit 1`,
  );
  const cancelled = await one(
    sql`select id from meetings where status = 'cancelled' order by starts_at limit 1`,
  );
  const over = await one(
    sql`select id from meetings where starts_at < ${now}::timestamptz order by starts_at desc limit 1`,
  );
  const listed = await one(sql`select meeting_id as id from attendance_lists limit 1`);
  const unlisted = await one(
    sql`select id from meetings where starts_at < ${now}::timestamptz and id <> ${listed}::uuid limit 1`,
  );
  const certificate = await one(sql`select id from certificates order by id limit 1`);
  const checkCode = await one(sql`select check_code as id from certificates order by id limit 1`);
  const series = await one(sql`select id from meeting_series order by created_at limit 1`);
  const sent = await one(
    sql`select id from announcements where state = 'sent' and channel = 'smtp' order by send_at desc limit 1`,
  );
  const planned = await one(
    sql`select id from announcements where state = 'approved' and channel = 'smtp' order by send_at limit 1`,
  );
  const person = await one(sql`select id from subscribers where state = 'active' order by email limit 1`);
  const leaver = await one(sql`select id from subscribers where state = 'left' order by email limit 1`);
  const mail = await one(sql`select id from outbox_messages order by at desc limit 1`);
  const byState = (state: string) =>
    one(sql`select id from items where state = ${state} order by id desc limit 1`);
  const [item, repeat] = [await byState('approved'), await byState('awaiting_review')];
  const [asked, handedIn] = [await byState('asked'), await byState('submitted')];
  const bulletin = await one(sql`select announcement_id as id from bulletins order by date limit 1`);
  const waiting = await one(sql`select announcement_id as id from bulletins order by date desc limit 1`);
  const admin = await one(sql`select id from admins where role = 'administrator' limit 1`);
  const soon = deps.clock.now().add({ hours: 24 });
  const draft = await one(
    sql`select id from announcements where state = 'draft' and kind = 'meeting_invitation' limit 1`,
  );
  const approved = await one(
    sql`select a.id from announcements a join drafts d on d.announcement_id = a.id where a.state = 'approved' and a.channel = 'smtp' limit 1`,
  );
  const campaigns = await rows<{ id: string; step: string }>(
    db,
    sql`select announcement_id as id, step from campaigns order by announcement_id`,
  );
  const path = (url: string) => new URL(url).pathname;
  return [
    { name: 'overview', path: '/admin' },
    { name: 'more', path: '/admin/more' },
    { name: 'meetings', path: '/admin/meetings' },
    { name: 'meetings-month', path: '/admin/meetings?view=month&month=2027-02' },
    { name: 'meetings-past', path: '/admin/meetings?show=past' },
    { name: 'meeting', path: `/admin/meetings/${meeting}` },
    { name: 'meeting-undecided', path: `/admin/meetings/${undecided}` },
    { name: 'meeting-cancelled', path: `/admin/meetings/${cancelled}` },
    { name: 'meeting-change', path: `/admin/meetings/${meeting}/change` },
    { name: 'meeting-cancel', path: `/admin/meetings/${meeting}/cancel` },
    { name: 'meeting-over', path: `/admin/meetings/${over}` },
    { name: 'attendance', path: `/admin/meetings/${listed}/attendance` },
    { name: 'attendance-none', path: `/admin/meetings/${unlisted}/attendance` },
    { name: 'certificate-revoke', path: `/admin/certificates/${certificate}/revoke` },
    { name: 'meeting-after', path: `/admin/meetings/${listed}/after` },
    { name: 'meeting-new', path: '/admin/meetings/new' },
    { name: 'series', path: `/admin/meetings/series/${series}` },
    { name: 'series-new', path: '/admin/meetings/series/new' },
    { name: 'series-first', path: '/admin/meetings/series/new?first=yes' },
    { name: 'series-edit', path: `/admin/meetings/series/${series}/edit` },
    { name: 'series-end', path: `/admin/meetings/series/${series}/end` },
    { name: 'announcements', path: '/admin/announcements' },
    { name: 'announcements-past', path: '/admin/announcements?show=past' },
    { name: 'announcement-sent', path: `/admin/announcements/${sent}` },
    { name: 'announcement-planned', path: `/admin/announcements/${planned}` },
    { name: 'announcement-cancel', path: `/admin/announcements/${planned}/cancel` },
    { name: 'announcement-new', path: '/admin/announcements/new' },
    { name: 'announcement-edit', path: `/admin/announcements/${draft}/edit` },
    { name: 'draft', path: `/admin/announcements/${draft}` },
    ...['phone', 'dark', 'text', 'whatsapp', 'calendar', 'page', 'source'].map((view) => ({
      name: `draft-${view}`,
      path: `/admin/announcements/${draft}?view=${view}`,
    })),
    { name: 'draft-delete', path: `/admin/announcements/${draft}/delete` },
    { name: 'announcement-approved', path: `/admin/announcements/${approved}` },
    { name: 'items', path: '/admin/items' },
    { name: 'items-open', path: '/admin/items?show=open' },
    { name: 'item-to-decide', path: `/admin/items/${repeat}` },
    { name: 'item-approved', path: `/admin/items/${item}` },
    { name: 'item-new', path: '/admin/items/new' },
    { name: 'item-new-vacancy', path: '/admin/items/new?kind=vacancy' },
    { name: 'item-edit', path: `/admin/items/${item}/edit` },
    { name: 'item-take-down', path: `/admin/items/${item}/take-down` },
    { name: 'bulletins', path: '/admin/bulletins' },
    { name: 'bulletin-preview', path: '/admin/bulletins/preview/training' },
    { name: 'bulletin-schedule', path: '/admin/bulletins/schedule/vacancies' },
    { name: 'bulletin-end', path: '/admin/bulletins/schedule/vacancies/end' },
    { name: 'bulletin', path: `/admin/bulletins/${bulletin}` },
    { name: 'bulletin-waiting', path: `/admin/bulletins/${waiting}` },
    { name: 'bulletin-skip', path: `/admin/bulletins/${waiting}/skip` },
    { name: 'subscribers', path: '/admin/subscribers' },
    { name: 'subscribers-by-name', path: '/admin/subscribers?order=name&kind=student' },
    { name: 'subscribers-nobody', path: '/admin/subscribers?text=nobody-at-all' },
    { name: 'subscriber', path: `/admin/subscribers/${person}` },
    { name: 'subscriber-left', path: `/admin/subscribers/${leaver}` },
    { name: 'subscriber-new', path: '/admin/subscribers/new' },
    { name: 'subscriber-edit', path: `/admin/subscribers/${person}/edit` },
    { name: 'subscriber-remove', path: `/admin/subscribers/${person}/remove` },
    { name: 'subscriber-erase', path: `/admin/subscribers/${person}/erase` },
    { name: 'subscriber-invite', path: `/admin/subscribers/${person}/invite` },
    { name: 'invite', path: '/admin/subscribers/invite' },
    { name: 'wordings', path: '/admin/wordings' },
    { name: 'wording', path: '/admin/wordings/meetings' },
    { name: 'wording-declaration', path: '/admin/wordings/declaration' },
    { name: 'complaints', path: '/admin/complaints' },
    { name: 'mailerlite-off', path: '/admin/mailerlite' },
    { name: 'mailerlite-on', path: '/admin/mailerlite', connected: true },
    ...campaigns.map(({ id, step }): SitePage => ({
      name: `campaign-${step}`,
      path: `/admin/announcements/${id}`,
      connected: true,
    })),
    { name: 'import', path: '/admin/subscribers/import' },
    { name: 'outbox', path: '/admin/outbox' },
    { name: 'outbox-mail', path: `/admin/outbox/${mail}` },
    { name: 'outbox-text', path: `/admin/outbox/${mail}?view=text` },
    { name: 'outbox-source', path: `/admin/outbox/${mail}?view=source` },
    { name: 'sending', path: '/admin/sending' },
    { name: 'settings', path: '/admin/settings' },
    { name: 'mail-texts', path: '/admin/settings/mails' },
    { name: 'mail-text', path: '/admin/settings/mails/reminder-day' },
    { name: 'connections', path: '/admin/settings/connections' },
    { name: 'account', path: '/admin/account' },
    { name: 'people', path: '/admin/people' },
    { name: 'person-new', path: '/admin/people/new' },
    { name: 'person', path: `/admin/people/${admin}` },
    { name: 'audit', path: '/admin/audit' },
    { name: 'audit-nothing', path: '/admin/audit?text=nothing-like-it' },
    { name: 'complaints-nothing', path: '/admin/complaints?text=nothing-like-it' },
    { name: 'design', path: '/admin/design' },
    { name: 'set-up-organisation', path: '/admin/set-up/organisation' },
    { name: 'admin-not-found', path: '/admin/nothing-here' },
    { name: 'not-found', path: '/nothing-here' },
    { name: 'home', path: '/' },
    { name: 'calendar', path: '/calendar' },
    { name: 'public-meeting', path: `/m/${meeting}` },
    { name: 'public-meeting-cancelled', path: `/m/${cancelled}` },
    { name: 'public-meeting-undecided', path: `/m/${undecided}` },
    { name: 'public-meeting-over', path: `/m/${over}` },
    { name: 'rsvp', path: `${path(links.rsvpUrl(person))}/${meeting}?answer=yes` },
    { name: 'rsvp-over', path: `${path(links.rsvpUrl(person))}/${over}` },
    { name: 'survey', path: `/m/${over}/survey` },
    { name: 'certificates', path: '/certificates' },
    { name: 'certificate', path: `/certificates/${checkCode}` },
    { name: 'leave', path: path(links.unsubscribeUrl(person)) },
    { name: 'leave-gone', path: path(links.unsubscribeUrl(leaver)) },
    { name: 'preferences', path: path(links.preferencesUrl(person)) },
    { name: 'preferences-erase', path: `${path(links.preferencesUrl(person))}/erase` },
    { name: 'record', path: path(links.recordUrl(person, deps.clock.now().add({ hours: 24 }))) },
    { name: 'noticeboard', path: '/noticeboard' },
    { name: 'noticeboard-nothing', path: '/noticeboard?text=nothing-like-it' },
    { name: 'item', path: `/noticeboard/${item}` },
    { name: 'hand-in', path: '/hand-in' },
    { name: 'hand-in-vacancy', path: '/hand-in/vacancy' },
    { name: 'hand-in-training', path: '/hand-in/training' },
    { name: 'hand-in-request', path: '/hand-in/request' },
    { name: 'hand-in-confirm', path: path(links.confirmItemUrl(handedIn, soon)) },
    { name: 'hand-in-mine', path: path(links.ownItemUrl(asked, soon)) },
    { name: 'review', path: path(links.moderateItemUrl(repeat, admin, soon)) },
    { name: 'review-edit', path: `${path(links.moderateItemUrl(repeat, admin, soon))}/edit` },
    { name: 'archive', path: '/archive' },
    { name: 'archive-page', path: `/a/${bulletin}` },
    { name: 'join', path: '/join' },
    { name: 'policy', path: '/policy' },
    { name: 'privacy', path: '/privacy' },
    { name: 'complain', path: '/complaint' },
  ];
}
