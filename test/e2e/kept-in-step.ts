import type { OpenDatabase } from '../../src/db/open.ts';
import { wantWebhook } from '../../src/sync/webhook-state.ts';
import { changeSetting } from '../../src/organisation/settings.ts';
import { createWorld, pull, settle } from '../sync/world.ts';
import type { Site } from '../web/site.ts';
import { campaigns } from './campaigns.ts';

/**
 * Compares the group with a MailerLite account in which somebody left, somebody was removed and somebody left
 * earlier came back, so that the page about it has all that it can show, and lets announcements go out by it.
 */
export async function keptInStep({ clock }: Site, database: OpenDatabase): Promise<void> {
  const { db } = database;
  const world = await createWorld(database, { clock });
  const by = { clock, actor: 'admin:sample' };
  try {
    await wantWebhook(db, by);
    await pull(world);
    world.fake.act({ email: 'callum.abbott@example.org', act: 'unsubscribe' });
    world.fake.act({ email: 'divya.abbott@example.org', act: 'delete' });
    world.fake.createSubscriber({ email: 'beth.bailey@example.org', groups: [world.groups.meetings] });
    await changeSetting(db, 'mailerlitePlanSubscribers', '220', by);
    await pull(world);
    await settle(world);
    await campaigns(world);
  } finally {
    await world.close();
  }
}
