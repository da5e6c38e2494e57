import { createLog } from '../../src/kernel/log.ts';
import { createMailerLiteClient, type MailerLiteClient } from '../../src/mailerlite/client.ts';
import type { ConnectionOptions } from '../../src/mailerlite/connection.ts';
import type { Pace, PaceKind } from '../../src/mailerlite/pacing.ts';
import type { FakeMailerLite } from '../support/fake-mailerlite/index.ts';

/** A pace that lets everything go at once and remembers what it was asked. */
export function openPace(): Pace & { readonly kinds: PaceKind[]; readonly blocks: number[] } {
  const kinds: PaceKind[] = [];
  const blocks: number[] = [];
  return {
    kinds,
    blocks,
    acquire: (kind) => {
      kinds.push(kind);
      return Promise.resolve();
    },
    block: (seconds) => {
      blocks.push(seconds);
      return Promise.resolve();
    },
  };
}

/** A client of the fake account. */
export function clientOf(fake: FakeMailerLite, options: Partial<ConnectionOptions> = {}): MailerLiteClient {
  return createMailerLiteClient({
    apiKey: fake.apiKey,
    baseUrl: fake.baseUrl,
    pace: openPace(),
    log: createLog('silent'),
    ...options,
  });
}
