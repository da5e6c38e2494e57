import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { whyLeftOut } from '../../announcements/audience-of.ts';
import type { DraftedAnnouncement } from '../../announcements/compose.ts';
import { formatDateTime } from '../../calendar/format.ts';
import type { Tx } from '../../db/open.ts';
import { prepareDraft, type DraftView } from '../../drafts/prepare.ts';
import { findSubscriber } from '../../subscribers/subscribers.ts';
import { acting } from '../acting.ts';
import { actorNames } from '../actors.ts';
import { draftServices } from '../draft-services.ts';
import {
  approvalLabel,
  checksView,
  draftFacts,
  PREVIEW_VIEWS,
  previewView,
  type PreviewView,
} from '../draft-views.ts';
import { query } from '../form.ts';
import { allowPictures } from '../plugins/security.ts';
import { ANNOUNCEMENT_WORDS } from '../words.ts';

/** Whom a preview shows while no subscriber is chosen. */
export const EXAMPLE_NAME = 'Alex';

/** What a person tried on the page and what stood against it. */
interface Tried {
  readonly confirmed: readonly string[];
  readonly problems: readonly { readonly field: string; readonly message: string }[];
}

/** A draft: what it says in every form, what the checks say, and the button that lets it go out. */
export async function showDraft(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
  { announcement, draft }: DraftedAnnouncement,
  tried: Tried = { confirmed: [], problems: [] },
) {
  const { db, clock, config } = app.deps;
  const { settings, actor } = await acting(request);
  const view = await prepareDraft(draftServices(app.deps), announcement.id);
  const now = clock.now();
  const base = `/admin/announcements/${announcement.id}`;
  const shown = chosenView(request);
  const reader = await chosenReader(db, query(request, 'as'), view);
  const names = await actorNames(db);
  const own = draft.writtenBy === actor;
  const secondPerson = settings.approvalBySecondPerson && own;
  const checks = checksView(view);
  const mayApprove = request.admin?.role === 'administrator';
  const blocked = checks.errors.length > 0;
  const waitsForOther = secondPerson && announcement.state === 'awaiting_approval';
  const as = reader.id === undefined ? '' : `&as=${reader.id}`;
  return allowPictures(reply).page('admin/draft', {
    title: view.content.title ?? announcement.title,
    section: 'announcements',
    back: { href: '/admin/announcements', label: 'Announcements' },
    form: { problems: tried.problems },
    draft: {
      id: announcement.id,
      ...ANNOUNCEMENT_WORDS[announcement.state],
      reason: announcement.stateReason ?? undefined,
      writtenBy: names(draft.writtenBy),
      changed: formatDateTime(announcement.updatedAt, announcement.zone),
      hash: view.hash,
    },
    facts: draftFacts(view, now),
    checks: {
      ...checks,
      warnings: checks.warnings.map((warning) => ({
        ...warning,
        confirmed: tried.confirmed.includes(warning.key),
      })),
    },
    approval: {
      label: approvalLabel(view, now),
      mayApprove,
      blocked,
      waitsForOther,
      // Whether there is anything to press for this person now.
      isOpen: mayApprove && !blocked && !waitsForOther,
      asksOther: secondPerson && announcement.state !== 'awaiting_approval',
    },
    reader,
    tabs: (Object.keys(PREVIEW_VIEWS) as PreviewView[]).map((one) => ({
      href: `${base}?view=${one}${as}#preview`,
      label: PREVIEW_VIEWS[one],
      current: one === shown,
    })),
    view: shown,
    frameUrl: `${base}/mail?view=${shown}${as}`,
    preview: previewView(shown, {
      content: view.content,
      name: reader.name,
      baseUrl: config.BASE_URL,
      zone: announcement.zone,
    }),
  });
}

function chosenView(request: FastifyRequest): PreviewView {
  const wanted = query(request, 'view');
  return Object.hasOwn(PREVIEW_VIEWS, wanted) ? (wanted as PreviewView) : 'wide';
}

/** As whom the preview is shown, and whether that person would get it. */
async function chosenReader(tx: Tx, text: string, { announcement, sendAt }: DraftView) {
  if (text === '') return { name: EXAMPLE_NAME, text };
  const subscriber = await findSubscriber(tx, text);
  if (subscriber === undefined) {
    return { name: EXAMPLE_NAME, text, problem: `Nobody on the list has the address “${text}”.` };
  }
  const { id, name, email } = subscriber;
  return {
    id,
    name,
    text: email,
    who: name === null ? email : `${name}, ${email}`,
    leftOut: await whyLeftOut(tx, announcement, id, sendAt),
  };
}
