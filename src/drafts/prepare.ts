import {
  approvalHash,
  approveAnnouncement,
  sendTime,
  type PreparedDraft,
} from '../announcements/approval.ts';
import { lastAudiences, sameDayMails } from '../announcements/approval-facts.ts';
import { audienceSize } from '../announcements/audience-of.ts';
import type { DraftContext } from '../announcements/compose-input.ts';
import { findDraft, type DraftedAnnouncement } from '../announcements/compose.ts';
import { draftContent } from '../announcements/draft-content.ts';
import { frozenContent, type FrozenContent } from '../announcements/frozen-content.ts';
import { fieldFaults } from '../announcements/merge-fields.ts';
import type { ContentContext } from '../announcements/notice-content.ts';
import { toInstant } from '../calendar/wall.ts';
import { unaskedLinks } from '../checks/live-links.ts';
import { runChecks } from '../checks/run.ts';
import { outlineOf } from '../checks/text.ts';
import type { Config } from '../config/load.ts';
import type { Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Finding } from '../kernel/finding.ts';
import type { MergeField } from '../kernel/merge-fields.ts';
import { findMeeting } from '../meetings/meetings.ts';
import type { Actor } from '../organisation/audit.ts';
import { senderIdentity } from '../organisation/sender-identity.ts';
import type { Settings } from '../organisation/settings.ts';
import { announcementPageHtml, announcementTitle } from '../render/announcement.ts';
import type { Renderer } from '../render/renderer.ts';

/** What rendering and checking a draft needs of the running program. */
export interface DraftServices {
  readonly db: Tx;
  readonly clock: Clock;
  readonly config: Config;
  readonly renderer: Renderer;
  /** The organisation's settings as they are now. */
  readonly settings: () => Promise<Settings>;
}

/** A draft as a preview and a request for approval show it. */
export interface DraftView extends DraftedAnnouncement, PreparedDraft {
  /** What an approval names, so that exactly this goes out. */
  readonly hash: string;
  /** How many people would get it now. */
  readonly audience: number;
  /** When it would go out if it were approved now. */
  readonly sendAt: Temporal.Instant;
}

/** Renders a written announcement as it will be sent: mail, calendar entry, WhatsApp text and page, all from one model. */
export async function renderDraft(
  tx: Tx,
  drafted: DraftedAnnouncement,
  renderer: Renderer,
  context: ContentContext,
): Promise<FrozenContent> {
  const { model, calendar, meetingSequence } = await draftContent(tx, drafted, context);
  return {
    ...renderer.mail('announcement', model),
    calendar,
    meetingSequence,
    whatsapp: renderer.whatsapp('announcement', model),
    title: announcementTitle(model),
    page: announcementPageHtml(model),
  };
}

/** What can be chosen for an announcement: its times are on the group's wall clock, and MailerLite where it is connected. */
export function draftRules(
  { timeZone }: Settings,
  { MAILERLITE_API_KEY }: Pick<Config, 'MAILERLITE_API_KEY'>,
): DraftContext {
  return { zone: timeZone, mailerlite: MAILERLITE_API_KEY !== undefined };
}

/** The context in which written announcements are rendered. */
export function draftContext({ clock, config }: DraftServices, settings: Settings): ContentContext {
  const { from } = senderIdentity(settings, config.MAIL_FROM);
  return {
    clock,
    settings,
    baseUrl: config.BASE_URL,
    organiser: { name: settings.organisationName, email: settings.contactEmail || from.address },
  };
}

/**
 * A draft as it would go out now, checked. Asks no network: what asking the servers behind its links gave is taken
 * from its row; until `jobs/check-links.ts` has asked, that is a warning.
 *
 * @throws ConvenorError `not_found`.
 */
export async function prepareDraft(services: DraftServices, id: string): Promise<DraftView> {
  const { db, clock, renderer, config } = services;
  const settings = await services.settings();
  const drafted = await findDraft(db, id);
  const { announcement, draft } = drafted;
  const content = await renderDraft(db, drafted, renderer, draftContext(services, settings));
  const now = clock.now();
  const sendAt = sendTime(drafted, now, settings);
  const audience = await audienceSize(db, announcement, sendAt);
  const { zone, topic, meetingId, kind } = announcement;
  const meeting = meetingId && kind === 'meeting_invitation' ? await findMeeting(db, meetingId) : undefined;
  const valueOf = await checkedValues(db, drafted, draftContext(services, settings));
  const findings: Finding[] = runChecks({
    subject: draft.subject,
    body: draft.body,
    valueOf,
    mail: content,
    fieldFaults: fieldFaults(draft.body, { hasMeeting: meetingId !== null }),
    baseUrl: config.BASE_URL,
    allowedNames: [
      ...settings.namesAllowed.split(/[,\n]/),
      settings.groupName,
      settings.organisationName,
      settings.contactEmail,
    ],
    sending: {
      wantedAt: draft.sendWall === null ? null : toInstant(draft.sendWall, zone),
      sendAt,
      now,
      zone: settings.timeZone,
      quietHours: settings.quietHours,
      endsAt: draft.expiresAt ?? meeting?.startsAt ?? null,
      audience,
      lastAudiences: announcement.audienceKind === 'topic' ? await lastAudiences(db, topic) : [],
      sameDay: await sameDayMails(db, announcement, sendAt, settings.timeZone),
    },
  });
  const { links, images } = outlineOf({ body: draft.body, valueOf });
  const asked = draft.linksCheckedRevision === draft.revision;
  findings.push(...(asked ? draft.linkFindings : unaskedLinks([...links, ...images])));
  return {
    ...drafted,
    revision: draft.revision,
    content,
    findings,
    hash: approvalHash(drafted, content),
    audience,
    sendAt,
  };
}

/**
 * What a written announcement sends: as it was frozen, or approved, or would go out now.
 *
 * @throws ConvenorError `internal` when it was altered after its approval.
 */
export async function writtenContent(
  services: DraftServices,
  { announcement, draft }: DraftedAnnouncement,
): Promise<FrozenContent> {
  if (announcement.content !== null) return frozenContent(announcement);
  if (draft.approvedContent === null) return (await prepareDraft(services, announcement.id)).content;
  return frozenContent({ content: draft.approvedContent, contentHash: draft.approvedHash });
}

/** What stands in the place of fields when words and links are checked. */
async function checkedValues(tx: Tx, drafted: DraftedAnnouncement, context: ContentContext) {
  const { fields } = (await draftContent(tx, drafted, context)).model;
  return ({ name, fallback }: MergeField) => fields[name] ?? fallback ?? '';
}

/** The web addresses in a draft, with their lines. */
export async function draftLinks(services: DraftServices, id: string) {
  const drafted = await findDraft(services.db, id);
  const context = draftContext(services, await services.settings());
  const valueOf = await checkedValues(services.db, drafted, context);
  const { links, images } = outlineOf({ body: drafted.draft.body, valueOf });
  return { revision: drafted.draft.revision, links: [...links, ...images] };
}

/**
 * Approves a draft as the person saw it: renders and checks it once more, then decides in one transaction.
 *
 * @param hash the `hash` of the `DraftView` that the person saw.
 * @param confirmedWarnings keys (`findingKey`) of the warnings that the person confirmed.
 * @throws ConvenorError as `approveAnnouncement`.
 */
export async function approveDraft(
  services: DraftServices,
  id: string,
  { hash, confirmedWarnings }: { hash: string; confirmedWarnings: readonly string[] },
  actor: Actor,
): Promise<DraftedAnnouncement> {
  const prepared = await prepareDraft(services, id);
  const settings = await services.settings();
  const { db, clock } = services;
  return approveAnnouncement(db, id, { hash, prepared, confirmedWarnings }, { clock, actor, settings });
}
