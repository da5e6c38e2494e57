import { loadConfig } from '../../src/config/load.ts';
import type { OpenDatabase } from '../../src/db/open.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { createLog } from '../../src/kernel/log.ts';
import { templatesFolder } from '../../src/kernel/paths.ts';
import { createSmtpMailer } from '../../src/mail/smtp.ts';
import type { Mailer } from '../../src/mail/types.ts';
import type { MailerLiteClient } from '../../src/mailerlite/client.ts';
import { changeSetting, readSettings } from '../../src/organisation/settings.ts';
import type { Services } from '../../src/process/app.ts';
import type { AnyJob } from '../../src/queue/job.ts';
import { createRenderer, type Renderer } from '../../src/render/renderer.ts';
import { createAddressHash } from '../../src/subscribers/address-hash.ts';
import { createLinks } from '../../src/subscribers/links.ts';

const SECRET_KEY = 'a secret key for tests, 32 letters at least';

let renderer: Renderer | undefined;

/** The services of a worker on a test's own database, clock and mail server, without Redis. */
export function testServices(
  { db }: OpenDatabase,
  clock: Clock,
  {
    smtpUrl,
    mailer,
    mailerlite,
    environment = {},
  }: {
    smtpUrl?: string;
    mailer?: Mailer;
    mailerlite?: MailerLiteClient;
    environment?: Record<string, string>;
  },
): Services {
  const log = createLog('silent');
  const config = loadConfig({
    SECRET_KEY,
    BASE_URL: 'https://network.example.org',
    SMTP_URL: smtpUrl ?? 'smtp://127.0.0.1:9',
    MAIL_FROM: 'OT network <network@example.org>',
    ...environment,
  });
  return {
    workerId: 'test-worker',
    config,
    clock,
    log,
    db,
    mailer: mailer ?? createSmtpMailer({ url: config.SMTP_URL!, log }),
    mailerlite,
    renderer: (renderer ??= createRenderer({ templatesFolder })),
    links: createLinks({ secretKey: SECRET_KEY, baseUrl: config.BASE_URL }),
    addressHash: createAddressHash(SECRET_KEY),
    settings: () => readSettings(db),
  };
}

/** Gives the organisation the settings that mails need. */
export async function setUpOrganisation({ db, clock }: Services): Promise<void> {
  for (const [key, value] of [
    ['organisationName', 'Example OT Ltd'],
    ['groupName', 'OT network'],
    ['postalAddress', '1 Example Street\nLondon'],
    ['contactEmail', 'network@example.org'],
  ] as const) {
    await changeSetting(db, key, value, { clock, actor: 'test' });
  }
}

/**
 * Does what the reconciler and the workers do, without Redis and in one place: runs all due work, round after
 * round, until none is left.
 *
 * @param rounds work that stays due for ever is an error after so many rounds.
 */
export async function runDueWork(
  jobs: readonly AnyJob<Services>[],
  services: Services,
  { rounds = 50 }: { rounds?: number } = {},
): Promise<void> {
  const signal = new AbortController().signal;
  // Nothing is left once every job in turn, since the last one that had work, has none.
  let idle = 0;
  for (let asked = 0; idle < jobs.length; asked++) {
    if (asked === rounds * jobs.length) throw new Error(`There was still work due after ${rounds} rounds`);
    const job = jobs[asked % jobs.length]!;
    const due = await job.due(services);
    for (const { payload } of due) await job.run(job.schema.parse(payload), { ...services, signal });
    idle = due.length > 0 ? 0 : idle + 1;
  }
}
