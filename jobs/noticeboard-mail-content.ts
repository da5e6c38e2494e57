import { z } from 'zod';
import { findAnnouncement } from '../src/announcements/announcements.ts';
import { readBulletin } from '../src/announcements/bulletins-content.ts';
import { formatDate, formatDateTime } from '../src/calendar/format.ts';
import { ConvenorError } from '../src/kernel/errors.ts';
import { possibleDuplicates } from '../src/noticeboard/duplicates.ts';
import { MODERATION_LINK_LIFE } from '../src/noticeboard/item-links.ts';
import { ITEM_KIND_WORDS, itemFacts, itemUrl, ITEM_STATE_WORDS } from '../src/noticeboard/item-words.ts';
import { findItem, findReview, findSubmitter, itemHistory, type Item } from '../src/noticeboard/items.ts';
import { ITEM_DECISIONS } from '../src/noticeboard/moderation.ts';
import { confirmableUntil } from '../src/noticeboard/submission.ts';
import { listAdmins } from '../src/organisation/admins.ts';
import type { ServiceMailMaker } from './service-mail-content.ts';

const aboutItem = z.object({ itemId: z.uuid() });
const aboutReview = z.object({ reviewId: z.uuid() });
const aboutAnnouncement = z.object({ announcementId: z.uuid() });

/** "a vacancy". */
const what = ({ kind }: Item) => `a ${ITEM_KIND_WORDS[kind]}`;

/** Mail about items of the noticeboard and the bulletins that gather them. */
export const NOTICEBOARD_MAILS: Readonly<Record<string, ServiceMailMaker>> = {
  async 'confirm-item'({ data }, { db, renderer, sender, links, settings }) {
    const item = await findItem(db, aboutItem.parse(data).itemId);
    const current = await settings();
    const until = confirmableUntil(item, current);
    return renderer.mail('confirm-item', {
      sender,
      what: what(item),
      confirmUrl: links.confirmItemUrl(item.id, until),
      requestedAt: item.createdAt.toString(),
      zone: current.timeZone,
      validDays: Math.round(item.createdAt.until(until).total('days')),
    });
  },

  async 'item-review'({ data, recipient }, { db, clock, config, renderer, sender, links, settings }) {
    const item = await findItem(db, aboutItem.parse(data).itemId);
    const admin = (await listAdmins(db)).find(({ email }) => email === recipient);
    const submitter = await findSubmitter(db, item.id);
    const duplicates = await possibleDuplicates(db, item, { clock });
    const [latest] = (await itemHistory(db, item.id)).filter(({ kind }) => kind !== 'edited');
    return renderer.mail('item-review', {
      sender,
      what: what(item),
      title: item.title,
      text: item.text,
      facts: itemFacts(item),
      link: item.link,
      handedInBy: submitter ? [submitter.name, `<${submitter.email}>`].filter(Boolean).join(' ') : null,
      answer: latest?.kind === 'answered' ? latest.text : null,
      duplicates: duplicates.map(({ item: other }) => ({
        title: other.title,
        state: ITEM_STATE_WORDS[other.state],
        url: `${config.BASE_URL}/admin/items/${other.id}`,
      })),
      terms: termsSentence(item, await settings()),
      decideUrl:
        admin?.role === 'administrator'
          ? links.moderateItemUrl(item.id, admin.id, clock.now().add(MODERATION_LINK_LIFE))
          : null,
      adminUrl: `${config.BASE_URL}/admin/items${admin?.role === 'administrator' ? '' : `/${item.id}`}`,
    });
  },

  async 'item-decision'({ data }, { db, config, renderer, sender, links }) {
    const review = await findReview(db, aboutReview.parse(data).reviewId);
    const item = await findItem(db, review.itemId);
    const decision = ITEM_DECISIONS.find((known) => known === review.kind);
    if (!decision)
      throw new ConvenorError('internal', `"${review.kind}" is not told to whoever handed it in.`);
    return renderer.mail('item-decision', {
      sender,
      decision,
      what: what(item),
      title: item.title,
      // The terms of an approval are between the administrators.
      words: decision === 'approved' ? '' : review.text,
      until: formatDate(item.closesOn),
      pageUrl: itemUrl(config.BASE_URL, item.id),
      ownUrl: links.ownItemUrl(item.id, item.openUntil),
    });
  },

  async 'bulletin-drafted'({ data }, { db, clock, config, renderer, sender }) {
    const announcement = await findAnnouncement(db, aboutAnnouncement.parse(data).announcementId);
    const { items } = await readBulletin(db, announcement, { clock });
    const due = formatDateTime(announcement.sendAt, announcement.zone);
    return renderer.mail('admin-alert', {
      sender,
      heading: `Drafted: ${announcement.title}`,
      paragraphs: [
        announcement.state === 'awaiting_approval'
          ? `This bulletin is ready and waits for you. It is due on ${due}. ${announcement.stateReason ?? ''}`.trim()
          : `This bulletin is ready. It goes out on ${due} unless you stop it.`,
        ...(items.length > 0 ? [`In it: ${items.map(({ title }) => title).join('; ')}.`] : []),
      ],
      link: {
        url: `${config.BASE_URL}/admin/bulletins/${announcement.id}`,
        label: 'Look at the bulletin',
      },
    });
  },

  async 'bulletin-skipped'({ data }, { db, clock, config, renderer, sender }) {
    const announcement = await findAnnouncement(db, aboutAnnouncement.parse(data).announcementId);
    return renderer.mail('bulletin-skipped', {
      sender,
      title: announcement.title,
      sendAt: announcement.sendAt.toString(),
      zone: announcement.zone,
      inTime: Temporal.Instant.compare(announcement.sendAt, clock.now()) > 0,
      adminUrl: `${config.BASE_URL}/admin/items`,
    });
  },
};

function termsSentence(item: Item, settings: { vacancyTerms: string; timeZone: string }): string | null {
  if (item.kind !== 'vacancy') return null;
  if (item.termsAcceptedAt) {
    const at = formatDateTime(item.termsAcceptedAt, settings.timeZone);
    return `The terms of business were accepted ${item.termsAcceptedHow ?? ''} on ${at}.`;
  }
  return settings.vacancyTerms === '' ? null : 'The terms of business have not been accepted yet.';
}
