import { freeze } from '../../jobs/freeze.ts';
import { mailerliteCampaign } from '../../jobs/mailerlite-campaign.ts';
import { runAnnouncements } from '../../jobs/run-announcements.ts';
import { parseDraftInput } from '../../src/announcements/compose-input.ts';
import { createDraft } from '../../src/announcements/compose.ts';
import { approveDraft, prepareDraft } from '../../src/drafts/prepare.ts';
import { findingKey } from '../../src/kernel/finding.ts';
import { runDueWork } from '../support/services.ts';
import type { World } from '../sync/world.ts';

/** Announcements by MailerLite as they can stand: sent, stopped for what somebody changed there, left to a person, ready. */
export async function campaigns(world: World): Promise<void> {
  const { clock, fake, services } = world;
  const now = clock.now();
  const write = async (subject: string, sendAt: string) => {
    const input = parseDraftInput(
      {
        kind: 'news',
        topic: 'training',
        channel: 'mailerlite',
        subject,
        body: 'Hello {{name|there}}, read on.',
        sendAt,
      },
      { zone: 'Europe/London', mailerlite: true },
    );
    const by = { clock, actor: 'admin:sample', zone: 'Europe/London' };
    const { announcement } = await createDraft(services.db, input, by);
    const { hash, findings } = await prepareDraft(services, announcement.id);
    const confirmedWarnings = findings.map(findingKey);
    await approveDraft(services, announcement.id, { hash, confirmedWarnings }, 'admin:sample');
    return announcement.id;
  };
  const work = () => runDueWork([freeze, runAnnouncements, mailerliteCampaign], services, { rounds: 200 });
  clock.set(now.subtract({ minutes: 30 }));
  await write('A new course on splinting', '');
  clock.set(now.subtract({ minutes: 20 }));
  await work();
  clock.set(now.subtract({ minutes: 18 }));
  await work();
  await write('Two places at the study day', '2027-02-01T09:00');
  const there = () => fake.campaigns().at(-1)!;
  clock.set(now.subtract({ minutes: 10 }));
  await work();
  fake.editCampaign({ id: there().id, content: '<p>Something else</p>' });
  clock.set(now);
  await work();
  clock.set(now.subtract({ minutes: 6 }));
  fake.setBehaviour({ contentAllowed: false });
  await write('The autumn programme', '2027-02-02T09:00');
  clock.set(now);
  await work();
  fake.setBehaviour({ contentAllowed: true });
  clock.set(now.subtract({ minutes: 6 }));
  await write('Peer supervision starts again', '2027-02-03T09:00');
  clock.set(now);
  await work();
}
