import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { closeCampaign, peopleWaiting } from '../src/announcements/campaign-ledger.ts';
import {
  bringForward,
  campaignsDue,
  campaignWork,
  isOver,
  saveCampaign,
  stopCampaign,
  type Campaign,
  type CampaignWork,
} from '../src/announcements/campaigns.ts';
import { drafts } from '../src/db/schema.ts';
import type { MailerLiteCampaign } from '../src/mailerlite/campaigns.ts';
import { MailerLiteError } from '../src/mailerlite/errors.ts';
import { syncOverview } from '../src/sync/overview.ts';
import { listTopicGroups } from '../src/sync/topic-groups.ts';
import { audienceFault, campaignFault, countFault } from './campaign-checks.ts';
import { recordRecipients } from './campaign-recipients.ts';
import type { CampaignServices } from './campaign-services.ts';
import { removeSurplus, takeBack, withdraw } from './campaign-withdraw.ts';
import { write } from './campaign-write.ts';
import { defineJob } from './define.ts';
import type { Services } from './services.ts';

/** Faults that are over by themselves, or once the key is put right. */
const PASSING: ReadonlySet<string> = new Set([
  'rate_limited',
  'unavailable',
  'timeout',
  'malformed',
  'unauthenticated',
]);

/** A campaign under way, and one that a person finishes, are looked at so often. */
const FOLLOW_EVERY = Temporal.Duration.from({ seconds: 20 });

/** Who has left by a campaign is looked at once more after this time. */
const LOOK_BACK = Temporal.Duration.from({ hours: 24 });

/**
 * Drives the campaign of an announcement, one step at a time, each written down: a process that ends in between is
 * followed by one that first looks how things are in MailerLite.
 */
export const mailerliteCampaign = defineJob({
  name: 'mailerlite-campaign',
  schema: z.object({ announcementId: z.uuid() }),
  concurrency: 1,

  async due({ db, clock, mailerlite }) {
    if (mailerlite === undefined) return [];
    const due = await campaignsDue(db, { clock });
    return due.map((announcementId) => ({ key: announcementId, payload: { announcementId } }));
  },

  async run({ announcementId }, { mailerlite, ...services }) {
    if (mailerlite === undefined) return;
    const work = await campaignWork(services.db, announcementId, services);
    if (work === undefined) return;
    try {
      await advance(work, { ...services, mailerlite });
    } catch (error) {
      if (!(error instanceof MailerLiteError)) throw error;
      await afterFault(announcementId, error, services);
    }
  },
});

async function advance(work: CampaignWork, services: CampaignServices): Promise<void> {
  const { announcement, campaign } = work;
  const { step } = campaign;
  if (step === 'done' || step === 'withdrawn') return;
  if (step === 'sent') return settle(work, services);
  if (step === 'settled') {
    await recordRecipients(work, services);
    await saveCampaign(services.db, campaign, { step: 'done' }, services);
    return;
  }
  if (isOver(announcement)) return withdraw(work, services);
  const held = announcement.state === 'held';
  switch (step) {
    case 'write':
      return held ? undefined : write(work, services);
    case 'by_hand':
      return followByHand(work, services);
    case 'written':
      return watch(work, services);
    case 'scheduling':
      return held ? takeBack(work, services) : schedule(work, services);
    case 'scheduled':
      return held ? takeBack(work, services) : follow(work, services);
  }
}

/** Looks at a campaign that waits for its time, and moves on when that has come. */
async function watch(work: CampaignWork, services: CampaignServices): Promise<void> {
  const { announcement, campaign } = work;
  const { db, clock, mailerlite, signal } = services;
  const there = await look(work, services);
  if (there === undefined) return;
  if (there.state === 'sent') return foundSent(work, there, SENT_ELSEWHERE, services);
  if (there.state === 'ready') {
    await mailerlite.cancelCampaign(there.id, { signal });
    return stopCampaign(db, work, SCHEDULED_ELSEWHERE, services);
  }
  const seen = { lookedAt: clock.now(), recipients: there.recipients ?? null };
  if (announcement.state === 'held') {
    await saveCampaign(db, campaign, seen, services);
    return;
  }
  const [draft] = await db.select().from(drafts).where(eq(drafts.announcementId, announcement.id));
  if (draft?.approvedHash !== campaign.contentHash) {
    await saveCampaign(db, campaign, { step: 'write' }, services);
    return;
  }
  const fault = campaignFault(campaign, there, await groupOf(work, services));
  if (fault !== undefined) return stopCampaign(db, work, fault, services);
  if (announcement.state !== 'sending') {
    await saveCampaign(db, campaign, { ...seen, problem: null }, services);
    return;
  }
  const expected = await peopleWaiting(db, announcement.id);
  const wait = await untoldChanges(there, expected, services);
  if (wait !== undefined) {
    const nextAt = clock.now().add({ seconds: 5 });
    await saveCampaign(db, campaign, { ...seen, expected, problem: wait, nextAt }, services);
    return;
  }
  const stop = countFault(there.recipients, expected) ?? (await removeSurplus(work, services));
  if (stop !== undefined) return stopCampaign(db, work, stop, services);
  await saveCampaign(db, campaign, { ...seen, expected, step: 'scheduling', problem: null }, services);
}

/** Hands the campaign over, unless an earlier try whose answer was lost has done so. */
async function schedule(work: CampaignWork, services: CampaignServices): Promise<void> {
  const { announcement, campaign } = work;
  const { db, mailerlite, signal } = services;
  const there = await look(work, services);
  if (there === undefined) return;
  if (there.state === 'sent') return foundSent(work, there, null, services);
  if (there.state === 'ready') return scheduled(campaign, there, services);
  const fault =
    campaignFault(campaign, there, await groupOf(work, services)) ??
    countFault(there.recipients, await peopleWaiting(db, announcement.id));
  if (fault !== undefined) return stopCampaign(db, work, fault, services);
  return scheduled(campaign, await mailerlite.scheduleCampaign(there.id, 'now', { signal }), services);
}

async function scheduled(
  campaign: Campaign,
  { scheduledFor }: MailerLiteCampaign,
  { db, clock }: CampaignServices,
): Promise<void> {
  const nextAt = clock.now().add(FOLLOW_EVERY);
  await saveCampaign(db, campaign, { step: 'scheduled', scheduledFor, problem: null, nextAt }, { clock });
}

async function follow(work: CampaignWork, services: CampaignServices): Promise<void> {
  const { db, clock } = services;
  const there = await look(work, services);
  if (there === undefined) return;
  if (there.state === 'sent') return foundSent(work, there, null, services);
  if (there.state === 'draft') {
    const reason =
      'Somebody stopped the sending in MailerLite. Nobody has got it. Resume to send it, or cancel it.';
    return stopCampaign(db, work, reason, services);
  }
  const nextAt = clock.now().add(FOLLOW_EVERY);
  await saveCampaign(db, work.campaign, { lookedAt: clock.now(), nextAt }, services);
}

/** A campaign that a person finishes in MailerLite: watched until it is sent, and stopped when it would go to others. */
async function followByHand(work: CampaignWork, services: CampaignServices): Promise<void> {
  const { announcement, campaign } = work;
  const { db, clock, mailerlite, signal } = services;
  const there = await look(work, services);
  if (there === undefined) return;
  if (there.state === 'sent') return foundSent(work, there, null, services);
  const audience = audienceFault(there, await groupOf(work, services));
  if (there.state === 'ready') {
    const frozen = announcement.frozenAt !== null && there.recipients !== undefined;
    const fault =
      audience ??
      (frozen ? countFault(there.recipients, await peopleWaiting(db, announcement.id)) : undefined);
    if (fault === undefined) return scheduled(campaign, there, services);
    await mailerlite.cancelCampaign(there.id, { signal });
    return stopCampaign(db, work, `Its scheduling was taken back. ${fault}`, services);
  }
  await saveCampaign(
    db,
    campaign,
    {
      recipients: there.recipients ?? null,
      problem: audience ?? campaign.problem,
      lookedAt: clock.now(),
      nextAt: clock.now().add(FOLLOW_EVERY),
    },
    services,
  );
}

const SENT_ELSEWHERE = 'It was sent in MailerLite by somebody, not by Convenor. The books say who got it.';
const SCHEDULED_ELSEWHERE =
  'Somebody scheduled its campaign in MailerLite. That was taken back: Convenor sends it by itself at its time. Resume to let it.';

/** The campaign as it is in MailerLite. Where it is gone, the announcement is put on hold. */
async function look(
  work: CampaignWork,
  { db, clock, mailerlite, signal }: CampaignServices,
): Promise<MailerLiteCampaign | undefined> {
  try {
    return await mailerlite.getCampaign(work.campaign.mailerliteId ?? '', { signal });
  } catch (error) {
    if (!(error instanceof MailerLiteError) || error.kind !== 'not_found') throw error;
    const reason =
      'Its campaign was deleted in MailerLite. Resume to have it written anew, or cancel the announcement.';
    await stopCampaign(db, work, reason, { clock });
    return undefined;
  }
}

async function foundSent(
  { announcement, campaign }: CampaignWork,
  { finishedAt }: MailerLiteCampaign,
  problem: string | null,
  { db, clock }: CampaignServices,
): Promise<void> {
  await db.transaction(async (tx) => {
    const sentAt = finishedAt ?? clock.now();
    await saveCampaign(tx, campaign, { step: 'sent', sentAt, problem }, { clock });
    await bringForward(tx, announcement.id, { clock });
  });
}

/** Takes down who got it. Where it was sent before its time, the send ledger is written first. */
async function settle(work: CampaignWork, services: CampaignServices): Promise<void> {
  const { announcement, campaign } = work;
  const { db, clock } = services;
  const now = clock.now();
  if (announcement.frozenAt === null || announcement.state === 'approved') {
    await saveCampaign(db, campaign, { nextAt: now.add({ seconds: 10 }) }, services);
    return;
  }
  const strangers = await recordRecipients(work, services);
  await closeCampaign(db, work, { strangers, lookAgainAt: now.add(LOOK_BACK) }, services);
}

async function groupOf({ announcement }: CampaignWork, { db }: CampaignServices) {
  return (await listTopicGroups(db)).find(({ topic }) => topic === announcement.topic);
}

/** Nobody who has left here may still be in the group when it is sent, and who is new should be in it. */
async function untoldChanges(
  there: MailerLiteCampaign,
  expected: number,
  { db }: CampaignServices,
): Promise<string | undefined> {
  const { urgent, waiting, events } = await syncOverview(db);
  if (urgent + events > 0) return 'Opt-outs are brought to both sides first; then it is sent.';
  return waiting > 0 && countFault(there.recipients, expected) !== undefined
    ? 'MailerLite is told of changes in the list first; then it is sent.'
    : undefined;
}

async function afterFault(
  announcementId: string,
  error: MailerLiteError,
  services: Pick<Services, 'db' | 'clock' | 'log'>,
): Promise<void> {
  const { db, clock, log } = services;
  const work = await campaignWork(db, announcementId, services);
  if (work === undefined) return;
  const { announcement, campaign } = work;
  log.warn({ announcementId, step: campaign.step, fault: error.kind }, 'A campaign could not move on');
  const mayStop =
    ['write', 'written', 'by_hand', 'scheduling'].includes(campaign.step) && !isOver(announcement);
  if (mayStop && !PASSING.has(error.kind)) {
    if (error.kind === 'plan_refused' && campaign.mailerliteId !== null) {
      const refused = { step: 'by_hand', problem: error.message, contentRefused: true } as const;
      await saveCampaign(db, campaign, refused, services);
    } else {
      await stopCampaign(db, work, `${error.message} Nothing was sent. Put it right, then resume.`, services);
    }
    return;
  }
  const failures = campaign.failures + 1;
  const seconds = Math.max(error.retryAfterSeconds ?? 0, Math.min(10 * 2 ** (failures - 1), 600));
  await saveCampaign(
    db,
    campaign,
    {
      failures,
      problem: error.message,
      nextAt: clock.now().add({ seconds }),
      // What certainly did not happen need not be waited for.
      ...(error.mayHaveHappened ? {} : { askedAt: null }),
    },
    services,
  );
}
