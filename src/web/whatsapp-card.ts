import type { Announcement } from '../announcements/announcements.ts';
import { announcementUrl } from '../announcements/draft-content.ts';
import { findPost, postingWarning } from '../announcements/whatsapp-posts.ts';
import { formatDateTime } from '../calendar/format.ts';
import { readSettings } from '../organisation/settings.ts';
import { actorNames } from './actors.ts';
import type { WebDependencies } from './dependencies.ts';
import { whatsappView } from './draft-views.ts';

/** The states in which the page of an announcement is on the web. */
const OUT: readonly Announcement['state'][] = ['sending', 'sent'];
/** The states in which a text may still change. */
const NOT_YET: Partial<Record<Announcement['state'], string>> = {
  awaiting_approval: 'You can copy it once it is approved.',
};

/** The text of an announcement for the WhatsApp group, with what somebody needs who is about to post it there. */
export async function whatsappCard(
  { db, clock, config }: Pick<WebDependencies, 'db' | 'clock' | 'config'>,
  { id, state }: Announcement,
  text: string,
) {
  const post = await findPost(db, id);
  const { timeZone } = await readSettings(db);
  return {
    ...whatsappView(text),
    id,
    canPost: NOT_YET[state] === undefined,
    notYet: NOT_YET[state],
    early: post === undefined && !OUT.includes(state) && text.includes(announcementUrl(config.BASE_URL, id)),
    warning: post === undefined ? postingWarning(clock.now(), timeZone) : undefined,
    posted:
      post &&
      `${(await actorNames(db))(post.postedBy)} posted it on ${formatDateTime(post.postedAt, timeZone)}.`,
  };
}
