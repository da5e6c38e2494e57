import type { FastifyReply, FastifyRequest } from 'fastify';
import { previewNextDraft, readBulletin } from '../../announcements/bulletins-content.ts';
import {
  approveBulletin,
  bulletinSendTime,
  endBulletins,
  introduceBulletin,
  saveBulletinSchedule,
} from '../../announcements/bulletins-changes.ts';
import {
  findDraftedBulletin,
  listBulletins,
  type DraftedBulletin,
} from '../../announcements/bulletins-overview.ts';
import { findBulletinSchedule } from '../../announcements/bulletins-schedules.ts';
import { cancelAnnouncement, holdAnnouncement, resumeAnnouncement } from '../../announcements/life-cycle.ts';
import type { ContentContext } from '../../announcements/notice-content.ts';
import { formatDateTime } from '../../calendar/format.ts';
import { BULLETIN_TOPICS, type BulletinTopic } from '../../db/schema.ts';
import { bulletinAsItIs } from '../../drafts/bulletin.ts';
import { sampleMail } from '../../drafts/sample-mail.ts';
import { ConvenorError, notFound } from '../../kernel/errors.ts';
import { readSettings } from '../../organisation/settings.ts';
import { audienceCount } from '../../subscribers/audience.ts';
import { acting } from '../acting.ts';
import { consequencesOf } from '../dry-run.ts';
import { draftServices } from '../draft-services.ts';
import { PREVIEW_VIEWS, previewView, timeOnButton, whatsappView, type PreviewView } from '../draft-views.ts';
import { field, freshForm, query, rejectedForm, type FormModel } from '../form.ts';
import { itemRow } from '../items/item-views.ts';
import { inScheme, mailFrame } from '../mail-frame.ts';
import { routes } from '../plugin.ts';
import { allowPictures } from '../plugins/security.ts';
import { flash } from '../plugins/sessions.ts';
import { organiserOf } from '../public/invitation.ts';
import { announcementRow } from '../views.ts';
import { whatsappCard } from '../whatsapp-card.ts';
import { CHANNEL_WORDS, counted, fromNow, people } from '../words.ts';
import {
  BULLETIN_LABELS,
  datesPreview,
  fieldsModel,
  postedFields,
  scheduleInWords,
  scheduleOf,
  storedFields,
  type BulletinFields,
} from './bulletin-schedule.ts';
import { EXAMPLE_NAME } from './draft-page.ts';

type ById = { Params: { id: string } };
type ByTopic = { Params: { topic: string } };

const PAST_SHOWN = 6;
/** What of a bulletin can be looked at: it has no calendar entry, and its WhatsApp text stands beside. */
const VIEWS = ['wide', 'phone', 'dark', 'text', 'page', 'source'] as const satisfies readonly PreviewView[];
const WAITING = ['approved', 'awaiting_approval', 'held'];

const TITLES: Readonly<Record<BulletinTopic, string>> = {
  training: 'Training bulletin',
  vacancies: 'Vacancy bulletin',
};

/** Bulletins: a schedule per topic, what the next one would carry, and one that is drafted, until it goes out. */
export const bulletinPages = routes({ name: 'bulletins', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, config, renderer, nudge } = app.deps;

  app.get('/admin/bulletins', async (_request, reply) => {
    const topics = [];
    for (const topic of BULLETIN_TOPICS) topics.push(await topicView(topic));
    return reply.page('admin/bulletins', {
      title: 'Bulletins',
      section: 'items',
      back: { href: '/admin/items', label: 'Noticeboard' },
      lead: 'They gather what was approved and no bulletin has carried yet, and are drafted two days ahead for you to look at.',
      topics,
    });
  });

  app.get<ByTopic>('/admin/bulletins/preview/:topic', async (request, reply) => {
    const topic = topicOf(request);
    const { kind, model, sendAt, zone } = await previewNextDraft(db, topic, await contentContext());
    const mail = sampleMail(renderer.mail(kind, model), EXAMPLE_NAME, config.BASE_URL);
    return reply.page('admin/bulletin-preview', {
      title: `Next ${TITLES[topic].toLowerCase()}`,
      section: 'items',
      back: { href: '/admin/bulletins', label: 'Bulletins' },
      lead: `As it would be on ${formatDateTime(sendAt, zone)} with what is approved now.`,
      mailUrl: `/admin/bulletins/preview/${topic}/mail`,
      count: model.count,
      subject: mail.subject,
      plainText: mail.text,
      whatsapp: whatsappView(renderer.whatsapp(kind, model)),
    });
  });

  app.get<ByTopic>('/admin/bulletins/preview/:topic/mail', async (request, reply) => {
    const { kind, model } = await previewNextDraft(db, topicOf(request), await contentContext());
    return mailFrame(reply, sampleMail(renderer.mail(kind, model), EXAMPLE_NAME, config.BASE_URL).html);
  });

  app.get<ByTopic>('/admin/bulletins/schedule/:topic', async (request, reply) => {
    const topic = topicOf(request);
    const fields = storedFields(await findBulletinSchedule(db, topic));
    return scheduleForm(reply, topic, fields, freshForm(fields));
  });

  app.post<ByTopic>('/admin/bulletins/schedule/:topic/preview', async (request, reply) => {
    const topic = topicOf(request);
    const preview = datesPreview(topic, postedFields(request), await scheduleContext(topic));
    return reply.type('text/html; charset=utf-8').send(renderer.page('admin/dates-preview', { preview }));
  });

  app.post<ByTopic>('/admin/bulletins/schedule/:topic', async (request, reply) => {
    const topic = topicOf(request);
    const fields = postedFields(request);
    if (field(request, 'act') === 'preview') return scheduleForm(reply, topic, fields, freshForm(fields));
    try {
      const context = await acting(request);
      await saveBulletinSchedule(db, scheduleOf(topic, fields, await scheduleContext(topic)), context);
    } catch (error) {
      const form = rejectedForm(fields, error, BULLETIN_LABELS);
      return scheduleForm(reply.code(422), topic, fields, form);
    }
    await nudge();
    flash(request, 'good', `The schedule of the ${TITLES[topic].toLowerCase()} is saved.`);
    return reply.redirect('/admin/bulletins', 303);
  });

  app.get<ByTopic>('/admin/bulletins/schedule/:topic/end', async (request, reply) => {
    const topic = topicOf(request);
    const context = await acting(request);
    return reply.page('admin/confirm', {
      title: `End the ${TITLES[topic].toLowerCase()}?`,
      section: 'items',
      lead: 'No further one is drafted. Items stay on the noticeboard. You can set up a new schedule at any time.',
      back: { href: `/admin/bulletins/schedule/${topic}`, label: 'The schedule' },
      action: `/admin/bulletins/schedule/${topic}/end`,
      form: freshForm(),
      ...(await consequencesOf(context, (tx) => endBulletins(tx, topic, context))),
      danger: true,
      doLabel: 'Yes, end it',
    });
  });

  app.post<ByTopic>('/admin/bulletins/schedule/:topic/end', async (request, reply) => {
    const topic = topicOf(request);
    await endBulletins(db, topic, await acting(request));
    await nudge();
    flash(request, 'good', `The ${TITLES[topic].toLowerCase()} has ended.`);
    return reply.redirect('/admin/bulletins', 303);
  });

  app.get<ById>('/admin/bulletins/:id', async (request, reply) =>
    allowPictures(reply).page('admin/bulletin', await bulletinPage(request, request.params.id)),
  );

  app.get<ById>('/admin/bulletins/:id/mail', async (request, reply) => {
    const { announcement } = await findDraftedBulletin(db, request.params.id);
    const content = await bulletinAsItIs(draftServices(app.deps), announcement);
    const { html } = sampleMail(content, EXAMPLE_NAME, config.BASE_URL);
    return mailFrame(reply, inScheme(html, query(request, 'view') === 'dark' ? 'dark' : 'light'));
  });

  app.post<ById>('/admin/bulletins/:id/approve', async (request, reply) => {
    const { id } = request.params;
    const seen = field(request, 'seen');
    try {
      await approveBulletin(
        db,
        id,
        { unchangedSince: seen === '' ? undefined : Temporal.Instant.from(seen) },
        await acting(request),
      );
      flash(request, 'good', await goesOut(id));
    } catch (error) {
      if (!(error instanceof ConvenorError)) throw error;
      const { announcement } = await findDraftedBulletin(db, id);
      const approvedAlready = ['approved', 'sending', 'sent'].includes(announcement.state);
      if (approvedAlready) flash(request, 'info', 'Somebody has approved it already. It goes out once.');
      else if (error.code === 'conflict') flash(request, 'warn', error.message);
      else throw error;
    }
    return done(id, reply);
  });

  app.post<ById>('/admin/bulletins/:id/introduce', async (request, reply) => {
    const { id } = request.params;
    const values = { introduction: field(request, 'introduction') };
    try {
      const text = field(request, 'act') === 'reset' ? null : values.introduction;
      await introduceBulletin(db, id, text, await acting(request));
    } catch (error) {
      const form = rejectedForm(values, error, BULLETIN_LABELS);
      return reply.code(422).page('admin/bulletin', await bulletinPage(request, id, form));
    }
    const { announcement } = await findDraftedBulletin(db, id);
    flash(
      request,
      'good',
      announcement.state === 'awaiting_approval'
        ? 'The introduction is saved. The bulletin waits for your approval.'
        : 'The introduction is saved.',
    );
    return done(id, reply);
  });

  app.post<ById>('/admin/bulletins/:id/hold', async (request, reply) => {
    await holdAnnouncement(db, request.params.id, 'Stopped by hand.', await acting(request));
    flash(request, 'good', 'It is stopped. It does not go out until you let it.');
    return done(request.params.id, reply);
  });

  app.post<ById>('/admin/bulletins/:id/resume', async (request, reply) => {
    await resumeAnnouncement(db, request.params.id, await acting(request));
    flash(request, 'good', await goesOut(request.params.id));
    return done(request.params.id, reply);
  });

  app.get<ById>('/admin/bulletins/:id/skip', async (request, reply) => {
    const { announcement } = await findDraftedBulletin(db, request.params.id);
    return reply.page('admin/bulletin-skip', {
      title: 'Skip this bulletin?',
      section: 'items',
      back: { href: `/admin/bulletins/${announcement.id}`, label: announcement.title },
      bulletin: {
        id: announcement.id,
        title: announcement.title,
        when: formatDateTime(announcement.sendAt, announcement.zone),
      },
    });
  });

  app.post<ById>('/admin/bulletins/:id/skip', async (request, reply) => {
    const { id } = request.params;
    await findDraftedBulletin(db, id);
    await cancelAnnouncement(db, id, 'Skipped by hand.', await acting(request));
    flash(
      request,
      'good',
      'It is skipped. What was in it comes in the next one, as far as it is still open.',
    );
    return done(id, reply);
  });

  async function done(id: string, reply: FastifyReply) {
    await nudge();
    return reply.redirect(`/admin/bulletins/${id}`, 303);
  }

  async function goesOut(id: string): Promise<string> {
    const { announcement } = await findDraftedBulletin(db, id);
    const { sendAt, zone } = announcement;
    const due = Temporal.Instant.compare(sendAt, clock.now()) <= 0;
    return due
      ? 'It goes out now.'
      : `It goes out on ${formatDateTime(sendAt, zone)}. Until then you can stop it.`;
  }

  async function contentContext(): Promise<ContentContext> {
    const settings = await readSettings(db);
    return { clock, settings, baseUrl: config.BASE_URL, organiser: organiserOf(settings, config) };
  }

  async function scheduleContext(topic: BulletinTopic) {
    return {
      settings: await readSettings(db),
      now: clock.now(),
      kept: await findBulletinSchedule(db, topic),
    };
  }

  async function topicView(topic: BulletinTopic) {
    const now = clock.now();
    const schedule = await findBulletinSchedule(db, topic);
    const drafted = await listBulletins(db, topic, { limit: PAST_SHOWN });
    const isComing = ({ announcement: { state, lateAfter } }: DraftedBulletin) =>
      WAITING.includes(state) && Temporal.Instant.compare(lateAfter, now) > 0;
    const coming = drafted.filter(isComing).toReversed();
    const preview = await previewNextDraft(db, topic, await contentContext());
    const gathered = preview.model.groups.flatMap(({ items }) => items.map(({ title }) => title));
    return {
      topic,
      title: TITLES[topic],
      schedule: schedule && {
        rule: scheduleInWords(schedule),
        approval:
          schedule.approval === 'wait'
            ? 'It waits for you to approve it.'
            : 'It goes out unless you stop it.',
      },
      coming: coming.map(announcementRow),
      // Beyond what is drafted already.
      next: preview.draftAt && {
        name: coming.length === 0 ? 'The next one' : 'The one after that',
        when: formatDateTime(preview.sendAt, preview.zone),
        draftedOn: formatDateTime(preview.draftAt, preview.zone),
      },
      gathered: gathered.length === 0 ? undefined : gathered,
      count: gathered.length === 0 ? undefined : counted(gathered.length, 'item'),
      past: drafted.filter((bulletin) => !isComing(bulletin)).map(announcementRow),
    };
  }

  async function scheduleForm(
    reply: FastifyReply,
    topic: BulletinTopic,
    fields: BulletinFields,
    form: FormModel,
  ) {
    const context = await scheduleContext(topic);
    return reply.page('admin/bulletin-schedule', {
      title: `${TITLES[topic]}: schedule`,
      section: 'items',
      back: { href: '/admin/bulletins', label: 'Bulletins' },
      action: `/admin/bulletins/schedule/${topic}`,
      isKept: context.kept !== undefined,
      form,
      schedule: fieldsModel(fields),
      preview: datesPreview(topic, fields, context),
    });
  }

  async function bulletinPage(request: FastifyRequest, id: string, form?: FormModel) {
    const now = clock.now();
    const settings = await readSettings(db);
    const bulletin = await findDraftedBulletin(db, id);
    const { announcement, books, approval } = bulletin;
    const { items, introduction } = await readBulletin(db, announcement, { clock });
    const content = await bulletinAsItIs(draftServices(app.deps), announcement);
    const isWaiting = WAITING.includes(announcement.state);
    const { state, sendAt, zone, channel } = announcement;
    const audience = isWaiting ? people(await audienceCount(db, announcement.topic, now)) : undefined;
    const shown = VIEWS.find((one) => one === query(request, 'view')) ?? 'wide';
    return {
      title: announcement.title,
      section: 'items',
      back: { href: '/admin/bulletins', label: 'Bulletins' },
      bulletin: {
        ...announcementRow(bulletin),
        when: formatDateTime(sendAt, zone),
        distance: fromNow(sendAt, now, zone),
        seen: announcement.updatedAt.toString(),
        audience,
        approval:
          audience &&
          `${audience} by ${CHANNEL_WORDS[channel]} ${timeOnButton(bulletinSendTime(announcement, now, settings), now, zone)}`,
        rule:
          approval === 'wait'
            ? 'It goes out when somebody approves it.'
            : 'It goes out at its time unless somebody stops it.',
        isWaiting,
        isOverdue: state === 'awaiting_approval' && Temporal.Instant.compare(sendAt, now) <= 0,
        canApprove: state === 'awaiting_approval',
        canHold: state === 'approved' || state === 'sending',
        canResume: state === 'held',
        canIntroduce: state === 'approved' || state === 'awaiting_approval',
        hasOwnIntroduction: bulletin.introduction !== null,
      },
      sent: books.audience > 0,
      form: form ?? freshForm({ introduction }),
      items: items.map(itemRow),
      whatsapp: await whatsappCard(app.deps, announcement, content.whatsapp ?? ''),
      tabs: VIEWS.map((one) => ({
        href: `/admin/bulletins/${id}?view=${one}#preview`,
        label: PREVIEW_VIEWS[one],
        current: one === shown,
      })),
      frameUrl: `/admin/bulletins/${id}/mail?view=${shown}`,
      preview: previewView(shown, { content, name: EXAMPLE_NAME, baseUrl: config.BASE_URL, zone }),
    };
  }
});

function topicOf(request: FastifyRequest<ByTopic>): BulletinTopic {
  const { topic } = request.params;
  const known = BULLETIN_TOPICS.find((one) => one === topic);
  if (known === undefined) throw notFound('topic with bulletins', topic);
  return known;
}
