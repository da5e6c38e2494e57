import type { FastifyReply } from 'fastify';
import { announcementBooks, listDeliveries, resolveUnknown } from '../../announcements/books.ts';
import { frozenContent } from '../../announcements/frozen-content.ts';
import { cancelAnnouncement, holdAnnouncement, resumeAnnouncement } from '../../announcements/life-cycle.ts';
import { noticeContent } from '../../announcements/notice-content.ts';
import { listAnnouncements } from '../../announcements/plan-query.ts';
import { NOTICE_KINDS, type Announcement } from '../../announcements/announcements.ts';
import { formatDateTime, formatShortDateTime } from '../../calendar/format.ts';
import { ANNOUNCEMENT_STATES, DELIVERY_STATES, type DeliveryState } from '../../db/schema.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { fillSlots, type RenderedMail } from '../../render/slots.ts';
import { audienceCount } from '../../subscribers/audience.ts';
import { readSettings } from '../../organisation/settings.ts';
import { acting } from '../acting.ts';
import { field, query } from '../form.ts';
import { routes } from '../plugin.ts';
import { mailFrame } from '../mail-frame.ts';
import { flash } from '../plugins/sessions.ts';
import { organiserOf } from '../public/invitation.ts';
import { announcementRow, booksView, capital, noticeLabel } from '../views.ts';
import { ANNOUNCEMENT_WORDS, DELIVERY_WORDS, fromNow, grouped, people, TOPIC_WORDS } from '../words.ts';

type ById = { Params: { id: string } };

const PAGE = 40;
const DELIVERIES_PAGE = 50;
const COMING = ['draft', 'awaiting_approval', 'approved', 'sending', 'held'] as const;

/** Announcements: the list, one with its books and deliveries, and the levers: hold, resume, cancel, resolve. */
export const announcementPages = routes(
  { name: 'announcements', needs: ['access', 'pages', 'forms'] },
  (app) => {
    const { db, clock, config, renderer, nudge } = app.deps;

    app.get('/admin/announcements', async (request, reply) => {
      const past = query(request, 'show') === 'past';
      const before = cursor(query(request, 'before'));
      const found = await listAnnouncements(db, {
        states: past
          ? ANNOUNCEMENT_STATES.filter((state) => !(COMING as readonly string[]).includes(state))
          : COMING,
        limit: past ? PAGE + 1 : 200,
        ...(before === undefined ? {} : { before }),
      });
      const page = past ? found.slice(0, PAGE) : found.toReversed();
      const last = page.at(-1)?.announcement;
      const counts = new Map<string, number>();
      for (const { announcement } of past ? [] : page) {
        if (counts.has(announcement.topic)) continue;
        counts.set(announcement.topic, await audienceCount(db, announcement.topic, clock.now()));
      }
      return reply.page('admin/announcements', {
        title: 'Announcements',
        section: 'announcements',
        past,
        announcements: page.map((entry) => {
          const row = announcementRow(entry);
          return {
            ...row,
            people:
              row.people ?? (past ? undefined : `to ${people(counts.get(entry.announcement.topic) ?? 0)}`),
          };
        }),
        older:
          past && found.length > PAGE && last !== undefined
            ? `/admin/announcements?show=past&before=${last.sendAt.toString()}_${last.id}`
            : undefined,
      });
    });

    app.get<ById>('/admin/announcements/:id', async (request, reply) => {
      const { announcement, books } = await announcementBooks(db, request.params.id);
      const state = deliveryState(query(request, 'state'));
      const after = query(request, 'after');
      const found = await listDeliveries(db, announcement.id, {
        ...(state === undefined ? {} : { state }),
        ...(isUuid(after) ? { after } : {}),
        limit: DELIVERIES_PAGE + 1,
      });
      const deliveries = found.slice(0, DELIVERIES_PAGE);
      const now = clock.now();
      const { sendAt, zone } = announcement;
      const base = `/admin/announcements/${announcement.id}`;
      const waiting =
        books.audience === 0 &&
        ['approved', 'awaiting_approval', 'held', 'draft'].includes(announcement.state);
      return reply.page('admin/announcement', {
        title: announcement.title,
        section: 'announcements',
        back: { href: '/admin/announcements', label: 'Announcements' },
        announcement: {
          id: announcement.id,
          label: noticeLabel(announcement),
          ...ANNOUNCEMENT_WORDS[announcement.state],
          reason: announcement.stateReason ?? undefined,
          when: formatDateTime(sendAt, zone),
          distance: fromNow(sendAt, now, zone),
          until: formatDateTime(announcement.lateAfter, zone),
          topic: TOPIC_WORDS[announcement.topic],
          audience:
            announcement.audienceKind === 'told'
              ? 'Everybody who was told before'
              : announcement.audienceKind === 'attended'
                ? 'Everybody on the list who came to the meeting'
                : `Everybody who gets mail about ${TOPIC_WORDS[announcement.topic].toLowerCase()}`,
          estimate: waiting ? people(await audienceCount(db, announcement.topic, now)) : undefined,
          meetingUrl:
            announcement.meetingId === null ? undefined : `/admin/meetings/${announcement.meetingId}`,
          canHold: announcement.state === 'approved' || announcement.state === 'sending',
          canResume: announcement.state === 'held',
          canCancel: (COMING as readonly string[]).includes(announcement.state),
          isSending: announcement.state === 'sending',
          hasMail: hasMail(announcement),
        },
        books:
          books.audience > 0
            ? {
                ...booksView(books),
                sent: books.sent,
                total: books.audience,
                done: books.audience - books.pending,
              }
            : undefined,
        keptInOutbox: config.SMTP_URL === undefined && books.sent > 0,
        unknown:
          books.unknown > 0
            ? { count: books.unknown === 1 ? 'One delivery' : `${grouped(books.unknown)} deliveries` }
            : undefined,
        filters: [
          { href: base, label: 'All', current: state === undefined },
          ...DELIVERY_STATES.filter((one) => one !== 'sending' && books[one] > 0).map((one) => ({
            href: `${base}?state=${one}`,
            label: capital(DELIVERY_WORDS[one].state),
            current: state === one,
          })),
        ],
        showsUnknown: state === 'unknown',
        deliveries: deliveries.map((delivery) => ({
          ...delivery,
          ...DELIVERY_WORDS[delivery.state],
          at: delivery.at === null ? '' : formatShortDateTime(delivery.at, zone),
          reason: delivery.reason ?? '',
          href: delivery.subscriberId === null ? undefined : `/admin/subscribers/${delivery.subscriberId}`,
          isUnknown: delivery.state === 'unknown',
        })),
        more:
          found.length > DELIVERIES_PAGE
            ? `${base}?${state === undefined ? '' : `state=${state}&`}after=${deliveries.at(-1)!.id}`
            : undefined,
      });
    });

    app.get<ById>('/admin/announcements/:id/mail', async (request, reply) => {
      const { announcement } = await announcementBooks(db, request.params.id);
      const mail = fillSlots(await mailOf(announcement), {
        greetingName: 'Alex',
        unsubscribeUrl: `${config.BASE_URL}/u/example`,
        preferencesUrl: `${config.BASE_URL}/preferences/example`,
        rsvpUrl: `${config.BASE_URL}/rsvp/example`,
      });
      return mailFrame(reply, mail.html);
    });

    app.post<ById>('/admin/announcements/:id/hold', async (request, reply) => {
      await holdAnnouncement(db, request.params.id, field(request, 'reason') || null, await acting(request));
      flash(request, 'good', 'It is on hold. Nobody else gets it until you resume it.');
      return done(request.params.id, reply);
    });

    app.post<ById>('/admin/announcements/:id/resume', async (request, reply) => {
      await resumeAnnouncement(db, request.params.id, await acting(request));
      flash(request, 'good', 'It goes on from where it stopped.');
      return done(request.params.id, reply);
    });

    app.get<ById>('/admin/announcements/:id/cancel', async (request, reply) => {
      const { announcement, books } = await announcementBooks(db, request.params.id);
      return reply.page('admin/cancel-announcement', {
        title: 'Cancel this announcement?',
        section: 'announcements',
        back: { href: `/admin/announcements/${announcement.id}`, label: announcement.title },
        announcement: {
          id: announcement.id,
          label: announcement.title,
          when: formatDateTime(announcement.sendAt, announcement.zone),
        },
        sent: books.sent > 0 ? people(books.sent) : undefined,
      });
    });

    app.post<ById>('/admin/announcements/:id/cancel', async (request, reply) => {
      await cancelAnnouncement(
        db,
        request.params.id,
        field(request, 'reason') || null,
        await acting(request),
      );
      flash(request, 'good', 'It is cancelled. Nobody else gets it.');
      return done(request.params.id, reply);
    });

    app.post<ById>('/admin/announcements/:id/resolve', async (request, reply) => {
      const outcome = field(request, 'outcome');
      const delivery = field(request, 'delivery');
      if (outcome !== 'sent' && outcome !== 'failed') {
        throw new ConvenorError('invalid_input', 'Say whether the mail arrived or not.');
      }
      const count = await resolveUnknown(
        db,
        {
          announcementId: request.params.id,
          deliveryIds: delivery === 'all' ? 'all' : [delivery].filter(isUuid),
          outcome,
        },
        await acting(request),
      );
      flash(request, 'good', `${count === 1 ? 'One delivery is' : `${count} deliveries are`} settled.`);
      return reply.redirect(`/admin/announcements/${request.params.id}`, 303);
    });

    async function done(id: string, reply: FastifyReply) {
      await nudge();
      return reply.redirect(`/admin/announcements/${id}`, 303);
    }

    /** The mail as it was frozen, or as it would be now. */
    async function mailOf(announcement: Announcement): Promise<RenderedMail> {
      if (announcement.content !== null) return frozenContent(announcement);
      const settings = await readSettings(db);
      const context = { clock, settings, baseUrl: config.BASE_URL, organiser: organiserOf(settings, config) };
      const { kind, model } = await noticeContent(db, announcement, context);
      return renderer.mail(kind, model);
    }
  },
);

function hasMail(announcement: Announcement): boolean {
  return announcement.content !== null || (NOTICE_KINDS as readonly string[]).includes(announcement.kind);
}

function deliveryState(text: string): DeliveryState | undefined {
  return DELIVERY_STATES.find((state) => state === text);
}

function cursor(text: string): { sendAt: Temporal.Instant; id: string } | undefined {
  const [time, id] = text.split('_', 2);
  if (time === undefined || id === undefined || !isUuid(id)) return undefined;
  try {
    return { sendAt: Temporal.Instant.from(time), id };
  } catch {
    return undefined;
  }
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}
