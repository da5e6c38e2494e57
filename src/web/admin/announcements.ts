import type { FastifyRequest } from 'fastify';
import { audienceSize } from '../../announcements/audience-of.ts';
import { announcementBooks, listDeliveries, type DeliveryOrder } from '../../announcements/books.ts';
import { approvedContent } from '../../announcements/approval.ts';
import { readDraft, type DraftedAnnouncement } from '../../announcements/compose.ts';
import { frozenContent, type FrozenContent } from '../../announcements/frozen-content.ts';
import { noticeContent } from '../../announcements/notice-content.ts';
import { kindLabel, NOTICE_KINDS, type Announcement } from '../../announcements/announcements.ts';
import { formatDateTime, formatShortDateTime, formatTime } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { DELIVERY_STATES } from '../../db/schema.ts';
import { writtenContent } from '../../drafts/prepare.ts';
import { sampleMail } from '../../drafts/sample-mail.ts';
import { notFound } from '../../kernel/errors.ts';
import { campaignMail } from '../../render/campaign.ts';
import type { RenderedMail } from '../../render/slots.ts';
import { findSubscriber } from '../../subscribers/subscribers.ts';
import { readSettings } from '../../organisation/settings.ts';
import { actorNames } from '../actors.ts';
import { allPages, csv, lines } from '../csv.ts';
import { draftServices } from '../draft-services.ts';
import { audienceWords } from '../draft-views.ts';
import { isUuid, query } from '../form.ts';
import { pageOf, readList } from '../lists.ts';
import { routes } from '../plugin.ts';
import { inScheme, mailFrame } from '../mail-frame.ts';
import { organiserOf } from '../public/invitation.ts';
import { capital, noticeLabel, progressView } from '../views.ts';
import { campaignView } from './campaign.ts';
import { EXAMPLE_NAME, showDraft } from './draft-page.ts';
import { whatsappCard } from '../whatsapp-card.ts';
import { ANNOUNCEMENT_WORDS, DELIVERY_WORDS, fromNow, grouped, people, TOPIC_WORDS } from '../words.ts';

type ById = { Params: { id: string } };

const DELIVERIES_PAGE = 50;
/** The states in which it can still be cancelled. */
const COMING: readonly string[] = ['draft', 'awaiting_approval', 'approved', 'sending', 'held'];

/** One announcement with its books and deliveries, and what it sends as a mail and as a file. */
export const announcementPages = routes({ name: 'announcements', needs: ['access', 'pages'] }, (app) => {
  const { db, clock, config, renderer } = app.deps;

  app.get<ById>('/admin/announcements/:id/deliveries.csv', async (request, reply) => {
    const { announcement } = await announcementBooks(db, request.params.id);
    const { filter } = deliveryList(request, announcement.id);
    const all = allPages(async (after) => {
      const found = await listDeliveries(db, announcement.id, { ...filter, limit: 1_001, after });
      return pageOf(found, 1_000, ({ id }) => id);
    });
    return csv(
      reply,
      'deliveries.csv',
      ['email', 'state', 'when', 'why'],
      lines(all, (delivery) => [
        delivery.email,
        DELIVERY_WORDS[delivery.state].state,
        delivery.at === null ? '' : formatShortDateTime(delivery.at, announcement.zone),
        delivery.reason ?? '',
      ]),
    );
  });

  app.get<ById>('/admin/announcements/:id', async (request, reply) => {
    const { announcement, books } = await announcementBooks(db, request.params.id);
    const drafted = await readDraft(db, announcement.id);
    if (drafted && isOpenDraft(announcement)) return showDraft(app, request, reply, drafted);
    const { list, state, filter } = deliveryList(request, announcement.id);
    const found = await listDeliveries(db, announcement.id, {
      ...filter,
      after: list.after,
      limit: DELIVERIES_PAGE + 1,
    });
    const { rows: deliveries, next } = pageOf(found, DELIVERIES_PAGE, ({ id }) => id);
    const now = clock.now();
    const { sendAt, zone } = announcement;
    const base = `/admin/announcements/${announcement.id}`;
    const waiting =
      books.audience === 0 && ['approved', 'awaiting_approval', 'held', 'draft'].includes(announcement.state);
    return reply.page('admin/announcement', {
      title: announcement.title,
      section: 'announcements',
      back: { href: '/admin/announcements', label: 'Announcements' },
      announcement: {
        id: announcement.id,
        label: drafted ? kindLabel(announcement.kind) : noticeLabel(announcement),
        ...ANNOUNCEMENT_WORDS[announcement.state],
        reason: announcement.stateReason ?? undefined,
        when: formatDateTime(sendAt, zone),
        distance: fromNow(sendAt, now, zone),
        until: formatDateTime(announcement.lateAfter, zone),
        topic: TOPIC_WORDS[announcement.topic],
        audience: audienceWords(announcement),
        estimate: waiting ? people(await audienceSize(db, announcement, now)) : undefined,
        meetingUrl: announcement.meetingId === null ? undefined : `/admin/meetings/${announcement.meetingId}`,
        canHold: announcement.state === 'approved' || announcement.state === 'sending',
        canResume: announcement.state === 'held',
        canCancel: COMING.includes(announcement.state),
        isSending: announcement.state === 'sending',
        hasMail: hasMail(announcement) || drafted !== undefined,
      },
      ...progressView(announcement, books),
      campaign: await campaignView(db, announcement, {
        connected: config.MAILERLITE_API_KEY !== undefined,
      }),
      live: isLive(announcement, now) ? `${base}/progress?state=${announcement.state}` : undefined,
      undo: drafted && (await undoView(drafted)),
      editUrl: drafted && isEditable(announcement) ? `${base}/edit` : undefined,
      missed: drafted && announcement.state === 'sent' ? await missedView(announcement) : undefined,
      canCorrect: announcement.audience !== null && BEGUN.includes(announcement.state),
      whatsapp: await cardOf(announcement),
      keptInOutbox: config.SMTP_URL === undefined && announcement.channel === 'smtp' && books.sent > 0,
      unknown:
        books.unknown > 0
          ? { count: books.unknown === 1 ? 'One delivery' : `${grouped(books.unknown)} deliveries` }
          : undefined,
      filters: [
        { href: list.address({ state: '' }), label: 'All', current: state === undefined },
        ...DELIVERY_STATES.filter((one) => one !== 'sending' && books[one] > 0).map((one) => ({
          href: list.address({ state: one }),
          label: capital(DELIVERY_WORDS[one].state),
          current: state === one,
        })),
      ],
      list: list.view({ rows: deliveries.length, next }),
      deliveries: deliveries.map((delivery) => ({
        ...delivery,
        ...DELIVERY_WORDS[delivery.state],
        at: delivery.at === null ? '' : formatShortDateTime(delivery.at, zone),
        reason: delivery.reason ?? '',
        href: delivery.subscriberId === null ? undefined : `/admin/subscribers/${delivery.subscriberId}`,
        isUnknown: delivery.state === 'unknown',
      })),
    });
  });

  app.get<ById>('/admin/announcements/:id/mail', async (request, reply) => {
    const { announcement } = await announcementBooks(db, request.params.id);
    const as = query(request, 'as');
    const reader = isUuid(as) ? await findSubscriber(db, as) : undefined;
    const content = await contentOf(announcement);
    const mail = sampleMail(content, reader === undefined ? EXAMPLE_NAME : reader.name, config.BASE_URL);
    return mailFrame(reply, inScheme(mail.html, query(request, 'view') === 'dark' ? 'dark' : 'light'));
  });

  app.get<ById>('/admin/announcements/:id/campaign.html', async (request, reply) => {
    const content = await approvedContent(db, request.params.id);
    if (content === undefined) throw notFound('text for MailerLite', request.params.id);
    return reply
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('content-disposition', 'attachment; filename="campaign.html"')
      .send(campaignMail(content).html);
  });

  /** What it sends: as it was frozen or approved, or as it would be now. */
  async function contentOf(
    announcement: Announcement,
  ): Promise<RenderedMail & Pick<FrozenContent, 'whatsapp'>> {
    if (announcement.content !== null) return frozenContent(announcement);
    const drafted = await readDraft(db, announcement.id);
    if (drafted) return writtenContent(draftServices(app.deps), drafted);
    const { kind, model } = await notice(announcement);
    return renderer.mail(kind, model);
  }

  async function notice(announcement: Announcement) {
    const settings = await readSettings(db);
    const context = { clock, settings, baseUrl: config.BASE_URL, organiser: organiserOf(settings, config) };
    return noticeContent(db, announcement, context);
  }

  /** The text for the WhatsApp group and whether it was posted; `undefined` where there is none. */
  async function cardOf(announcement: Announcement) {
    if (!hasMail(announcement) && (await readDraft(db, announcement.id)) === undefined) return undefined;
    const text = (await contentOf(announcement)).whatsapp ?? (await noticeText(announcement));
    return text === undefined ? undefined : whatsappCard(app.deps, announcement, text);
  }

  async function noticeText(announcement: Announcement): Promise<string | undefined> {
    if (!isNotice(announcement)) return undefined;
    const { kind, model } = await notice(announcement);
    return renderer.whatsapp(kind, model);
  }

  /** Until when and by whom an approval can be taken back; `undefined` once it is too late. */
  async function undoView({ announcement, draft }: DraftedAnnouncement) {
    const { undoUntil, approvedBy } = draft;
    if (announcement.state !== 'approved' || undoUntil === null) return undefined;
    if (Temporal.Instant.compare(clock.now(), undoUntil) >= 0) return undefined;
    return {
      until: formatTime(toWall(undoUntil, announcement.zone).toPlainTime()),
      by: (await actorNames(db))(approvedBy ?? ''),
    };
  }

  /** How many people of the topic did not get what went out. */
  async function missedView({ id, topic, meetingId }: Announcement) {
    const audience = { audienceKind: 'missed', audienceOf: id, topic, meetingId } as const;
    const count = await audienceSize(db, audience, clock.now());
    return count === 0 ? undefined : people(count);
  }
});

/** The states in which a mail may have reached somebody. */
const BEGUN: readonly string[] = ['sending', 'sent', 'held', 'cancelled', 'failed'];

/** How long before its time an announcement's page waits for it to begin. */
const SOON = Temporal.Duration.from({ minutes: 15 });

function isLive({ state, sendAt }: Announcement, now: Temporal.Instant): boolean {
  return (
    state === 'sending' || (state === 'approved' && Temporal.Instant.compare(sendAt, now.add(SOON)) <= 0)
  );
}

function isOpenDraft({ state }: Announcement): boolean {
  return state === 'draft' || state === 'awaiting_approval';
}

function isEditable({ state, heldFrom }: Announcement): boolean {
  return state === 'approved' || state === 'missed' || (state === 'held' && heldFrom !== 'sending');
}

function isNotice({ kind }: Announcement): boolean {
  return (NOTICE_KINDS as readonly string[]).includes(kind);
}

function hasMail(announcement: Announcement): boolean {
  return announcement.content !== null || isNotice(announcement);
}

function deliveryList(request: FastifyRequest, id: string) {
  const list = readList<DeliveryOrder>(request, {
    path: `/admin/announcements/${id}`,
    file: `/admin/announcements/${id}/deliveries.csv`,
    orders: { address: 'by address', latest: 'the latest first' },
    tabs: ['state'],
  });
  const state = DELIVERY_STATES.find((one) => one === list.value('state'));
  const filter = { text: list.text, order: list.order, ...(state === undefined ? {} : { state }) };
  return { list, state, filter };
}
