import { serviceMails } from '../db/schema.ts';
import type { Tx } from '../db/open.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';

/** Mail that concerns one person: it is not part of an announcement and asks no consent. */
export interface NewServiceMail {
  /** Names the template: `confirm`, `already_joined`, `goodbye`, `alert`. */
  readonly kind: string;
  readonly to:
    | { readonly kind: 'administrators' }
    | { readonly kind: 'subscriber'; readonly subscriberId: string }
    | { readonly kind: 'address'; readonly address: string };
  /** What the template needs. Never a password or a signed link: links are made when the mail is. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Two mails with one key are one mail: the second is not stored. */
  readonly dedupeKey: string;
}

/** Queues a service mail; gives its id, or `undefined` when a mail with this key was queued before. */
export async function queueServiceMail(
  tx: Tx,
  mail: NewServiceMail,
  { clock }: { clock: Clock },
): Promise<string | undefined> {
  const now = clock.now();
  const [stored] = await tx
    .insert(serviceMails)
    .values({
      id: newId(now),
      kind: mail.kind,
      recipientKind: mail.to.kind,
      recipient: recipientOf(mail.to),
      data: mail.data,
      dedupeKey: mail.dedupeKey,
      state: 'pending',
      createdAt: now,
      nextAttemptAt: now,
    })
    .onConflictDoNothing({ target: serviceMails.dedupeKey })
    .returning({ id: serviceMails.id });
  return stored?.id;
}

function recipientOf(to: NewServiceMail['to']): string | null {
  if (to.kind === 'subscriber') return to.subscriberId;
  return to.kind === 'address' ? to.address : null;
}
