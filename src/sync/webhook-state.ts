import { eq } from 'drizzle-orm';
import { z } from 'zod';
import type { Tx } from '../db/open.ts';
import { heartbeats } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { writeInternalSetting } from '../organisation/settings.ts';

const NAME = 'mailerlite-webhook';

const detail = z.object({
  wanted: z.boolean(),
  url: z.string().nullable(),
  mailerliteId: z.string().nullable(),
  faults: z.array(z.string()),
  checkedAt: z.string().nullable(),
});

/** The registration of our webhook with MailerLite. */
export interface WebhookState {
  /** Somebody has asked that MailerLite reports to us. */
  readonly wanted: boolean;
  readonly url: string | null;
  readonly mailerliteId: string | null;
  /** What was wrong at the last check, in sentences. It was mended then, where that was possible. */
  readonly faults: readonly string[];
  readonly checkedAt: Temporal.Instant | undefined;
}

/** The registration is looked at so often. */
const CHECK_EVERY = { hours: 1 } as const;

/** What is known of the registration. */
export async function readWebhookState(tx: Tx): Promise<WebhookState> {
  const [row] = await tx.select().from(heartbeats).where(eq(heartbeats.name, NAME));
  if (row === undefined) {
    return { wanted: false, url: null, mailerliteId: null, faults: [], checkedAt: undefined };
  }
  const { checkedAt, ...known } = detail.parse(row.detail);
  return { ...known, checkedAt: checkedAt === null ? undefined : Temporal.Instant.from(checkedAt) };
}

/** Asks that MailerLite reports to us, or that the registration is looked at now. A job does it. */
export async function wantWebhook(tx: Tx, { clock, actor }: { clock: Clock; actor: Actor }): Promise<void> {
  const before = await readWebhookState(tx);
  await write(tx, { ...before, wanted: true, checkedAt: undefined }, clock);
  await recordAudit(tx, { actor, action: 'mailerlite_webhook.wanted', subject: NAME }, { clock });
}

/** Whether the registration has to be made or looked at. */
export async function webhookIsDue(tx: Tx, { clock }: { clock: Clock }): Promise<boolean> {
  const { wanted, checkedAt } = await readWebhookState(tx);
  if (!wanted) return false;
  return checkedAt === undefined || Temporal.Instant.compare(checkedAt.add(CHECK_EVERY), clock.now()) <= 0;
}

/** Takes down how the registration is, with the secret that the messages are signed with. */
export async function saveWebhook(
  tx: Tx,
  webhook: { url: string; mailerliteId: string; secret: string; faults: readonly string[] },
  { clock }: { clock: Clock },
): Promise<void> {
  const { url, mailerliteId, faults, secret } = webhook;
  await tx.transaction(async (inner) => {
    await write(inner, { wanted: true, url, mailerliteId, faults, checkedAt: clock.now() }, clock);
    await writeInternalSetting(inner, 'mailerliteWebhookSecret', secret, { clock, actor: 'system' });
  });
}

async function write(tx: Tx, state: WebhookState, clock: Clock): Promise<void> {
  const values = { at: clock.now(), detail: { ...state, checkedAt: state.checkedAt?.toString() ?? null } };
  await tx
    .insert(heartbeats)
    .values({ name: NAME, ...values })
    .onConflictDoUpdate({ target: heartbeats.name, set: values });
}
