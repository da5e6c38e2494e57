import { eq, sql } from 'drizzle-orm';
import { overdueNotices, type OverdueNotice } from '../announcements/overdue.ts';
import { openSendingHold } from '../announcements/sending-hold.ts';
import { senderModel } from '../announcements/notice-content.ts';
import { formatDateTime } from '../calendar/format.ts';
import { rows } from '../db/open.ts';
import { alarms } from '../db/schema.ts';
import { newId } from '../kernel/ids.ts';
import { listAdmins } from '../organisation/admins.ts';
import { senderIdentity } from '../organisation/sender-identity.ts';
import type { Settings } from '../organisation/settings.ts';
import { fillSlots } from '../render/slots.ts';
import type { Services } from './app.ts';

/** How often it is looked whether everything is at work. */
const EVERY_MS = 60_000;

/** A server that has just started may have been away for longer than any limit: the work gets this time to begin. */
const FIRST_LOOK_AFTER = Temporal.Duration.from({ minutes: 2 });

/** Background work that is silent for so long has stopped. */
const SILENT_AFTER = Temporal.Duration.from({ minutes: 2 });

/** As long as something is wrong, the administrators are told once in this time. */
const TELL_AGAIN_AFTER = Temporal.Duration.from({ hours: 6 });

const PING_LIMIT_MS = 10_000;

interface Trouble {
  readonly kind: 'silent' | 'late' | 'database';
  readonly heading: string;
  readonly paragraphs: readonly string[];
}

/** What it needs to write a mail, as last seen: the database may be what is wrong. */
interface Known {
  readonly settings: Settings;
  readonly people: readonly { readonly name: string; readonly email: string }[];
}

/**
 * The dead-man's switch: looks every minute whether the background work lives and due notices go out. When not, it
 * says so in the log and mails the administrators itself, without the queue and without Redis. While all is well, and
 * only then, it asks for `PING_URL`, so that an outside monitor notices when even this stands still.
 */
export function createWatch(
  services: Pick<Services, 'db' | 'clock' | 'log' | 'config' | 'mailer' | 'renderer' | 'settings'>,
  { startedAt, fetcher = fetch }: { startedAt: Temporal.Instant; fetcher?: typeof fetch },
) {
  const { db, clock, log, config, mailer, renderer } = services;
  let known: Known | undefined;
  let troubled: Trouble['kind'] | undefined;
  /** When this process told of a database that is away: nobody can note it there. */
  let toldOfDatabase: Temporal.Instant | undefined;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  async function findTrouble(now: Temporal.Instant): Promise<Trouble | undefined> {
    const settings = await services.settings();
    const admins = await listAdmins(db);
    known = {
      settings,
      people: admins.filter(({ disabledAt }) => disabledAt === null),
    };
    const [beat] = await rows<{ fresh: boolean }>(
      db,
      sql`select coalesce(max(at), 'epoch') > ${now.subtract(SILENT_AFTER).toString()}::timestamptz as fresh from heartbeats`,
    );
    if (!beat!.fresh) return silentTrouble();
    const late = await overdueNotices(db, now, settings);
    const hold = late.length === 0 ? undefined : await openSendingHold(db);
    return late.length === 0 ? undefined : lateTrouble(late, hold?.reason);
  }

  async function look(): Promise<void> {
    const now = clock.now();
    if (Temporal.Duration.compare(startedAt.until(now), FIRST_LOOK_AFTER) < 0) return;
    let trouble: Trouble | undefined;
    try {
      trouble = await findTrouble(now);
    } catch (err) {
      log.error({ err }, 'the watch cannot read the database');
      trouble = databaseTrouble();
    }
    if (trouble === undefined) {
      if (troubled !== undefined) log.info('everything is at work again');
      troubled = undefined;
      toldOfDatabase = undefined;
      await db.delete(alarms);
      await ping();
      return;
    }
    troubled = trouble.kind;
    log.error({ alarm: trouble.kind, detail: trouble.paragraphs[0] }, trouble.heading);
    if (await mayTell(trouble.kind, now)) await tell(trouble, now);
  }

  /** Of several processes that see the same, one writes the mail. */
  async function mayTell(kind: Trouble['kind'], now: Temporal.Instant): Promise<boolean> {
    const again = now.subtract(TELL_AGAIN_AFTER);
    if (kind === 'database') {
      if (toldOfDatabase && Temporal.Instant.compare(toldOfDatabase, again) > 0) return false;
      toldOfDatabase = now;
      return true;
    }
    const told = await db
      .insert(alarms)
      .values({ kind, since: now, toldAt: now })
      .onConflictDoUpdate({
        target: alarms.kind,
        set: { toldAt: now },
        setWhere: sql`${alarms.toldAt} <= ${again.toString()}::timestamptz`,
      })
      .returning({ kind: alarms.kind });
    return told.length > 0;
  }

  async function tell({ kind, heading, paragraphs }: Trouble, now: Temporal.Instant): Promise<void> {
    if (known === undefined) return;
    const { settings, people } = known;
    const identity = senderIdentity(settings, config.MAIL_FROM);
    const content = renderer.mail('admin-alert', {
      sender: senderModel(settings, config.BASE_URL),
      heading,
      paragraphs: [...paragraphs],
      link: { url: `${config.BASE_URL}/admin`, label: 'Open Convenor' },
    });
    let reached = 0;
    for (const { name, email } of people) {
      const messageId = `${newId(now)}@${identity.domain}`;
      const { subject, html, text } = fillSlots(content, { greetingName: name });
      const to = { name, address: email };
      const outcome = await mailer.send({ messageId, from: identity.from, to, subject, html, text });
      if (outcome.result === 'accepted') reached += 1;
      else log.error({ alarm: kind, outcome: outcome.result }, 'the mail about the alarm was not taken');
    }
    if (reached > 0) return;
    // Nobody knows yet, so the next look tries again.
    toldOfDatabase = undefined;
    if (kind !== 'database') await db.delete(alarms).where(eq(alarms.kind, kind));
  }

  async function ping(): Promise<void> {
    if (config.PING_URL === undefined) return;
    try {
      const answer = await fetcher(config.PING_URL, { signal: AbortSignal.timeout(PING_LIMIT_MS) });
      if (!answer.ok) log.warn({ status: answer.status }, 'the outside monitor did not take the ping');
      await answer.body?.cancel();
    } catch (err) {
      log.warn({ err }, 'the outside monitor cannot be reached');
    }
  }

  /** One look at a time. Never throws. */
  function check(): Promise<void> {
    looking ??= look()
      .catch((err: unknown) => log.error({ err }, 'the watch failed'))
      .finally(() => {
        looking = undefined;
      });
    return looking;
  }

  return {
    check,
    start: () => {
      timer = setInterval(() => void check(), EVERY_MS);
      timer.unref();
    },
    stop: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}

function silentTrouble(): Trouble {
  return {
    kind: 'silent',
    heading: 'Convenor’s background work has stopped',
    paragraphs: [
      'It has given no sign of life for more than two minutes, so nothing goes out at the moment.',
      'Restart Convenor, or have somebody look at the machine. Nothing is lost by that: what is due goes out afterwards, as long as it is of use.',
    ],
  };
}

function lateTrouble(late: readonly OverdueNotice[], hold: string | undefined): Trouble {
  const [first, ...others] = late;
  const more = others.length === 0 ? '' : `, and ${others.length} more`;
  return {
    kind: 'late',
    heading: 'A notice is late',
    paragraphs: [
      `“${first!.title}” was due on ${formatDateTime(first!.sendAt, first!.zone)} and is not going out${more}.`,
      hold === undefined
        ? 'Look at the overview for the reason: the mail server, the job queue, or a room at Zoom that could not be made.'
        : `Sending is held: ${hold} Compare and release it on the page “Sending”.`,
    ],
  };
}

function databaseTrouble(): Trouble {
  return {
    kind: 'database',
    heading: 'Convenor cannot read its database',
    paragraphs: [
      'Nothing goes out and no page works until the database answers again.',
      'Have somebody look at the database and the machine. Convenor goes on by itself afterwards.',
    ],
  };
}
