/** What an act would send, found out by doing it in a transaction that is then rolled back. */
import type { PlanEntry } from '../announcements/plan-query.ts';
import { queryPlan } from '../announcements/plan-query.ts';
import { formatDateTime } from '../calendar/format.ts';
import { toWall } from '../calendar/wall.ts';
import { rolledBack, type Tx } from '../db/open.ts';
import { audienceCounts } from '../subscribers/audience.ts';
import type { Acting } from './acting.ts';
import { counted, grouped, people } from './words.ts';

interface Consequence {
  readonly tone: 'good' | 'warn' | 'info';
  readonly icon: string;
  readonly what: string;
  readonly detail: string;
  /** Mails that go out because of the act, and were not to go out before. */
  readonly mails: number;
}

/** "424 more mails go out because of this; 3 planned announcements do not." */
function inSum(consequences: readonly Consequence[]): string {
  const mails = consequences.reduce((sum, each) => sum + each.mails, 0);
  const dropped = consequences.filter(({ icon }) => icon === 'icons/stop').length;
  const moved = consequences.filter(({ icon }) => icon === 'icons/clock').length;
  const parts = [
    mails === 0
      ? 'No mail goes out that would not have gone out anyway'
      : mails === 1
        ? '1 more mail goes out because of this'
        : `${grouped(mails)} more mails go out because of this`,
    ...(dropped === 0
      ? []
      : [`${counted(dropped, 'planned announcement')} ${dropped === 1 ? 'does' : 'do'} not`]),
    ...(moved === 0
      ? []
      : [`${counted(moved, 'announcement')} ${moved === 1 ? 'changes its' : 'change their'} time`]),
  ];
  return `${parts.join('; ')}.`;
}

/** How far ahead consequences are looked for: beyond the meetings that are written as rows. */
const SPAN_DAYS = 130;
const WAITING: readonly string[] = ['draft', 'awaiting_approval', 'approved', 'sending', 'held'];

/**
 * Runs an act, compares the plan before and after, and takes everything back.
 *
 * @throws what the act throws.
 */
export async function consequencesOf(
  { db, clock, settings }: Acting,
  act: (tx: Tx) => Promise<unknown>,
): Promise<{ consequences: Consequence[]; sum: string }> {
  const today = toWall(clock.now(), settings.timeZone).toPlainDate();
  const span = { from: today, to: today.add({ days: SPAN_DAYS }) };
  const consequences = await rolledBack(db, async (tx) => {
    // No act that is tried out here changes what people agreed to.
    const context = { clock, settings, sizes: await audienceCounts(tx, clock.now()) };
    const before = await queryPlan(tx, span, context);
    await act(tx);
    return differences(before, await queryPlan(tx, span, context));
  });
  return { consequences, sum: inSum(consequences) };
}

function differences(before: readonly PlanEntry[], after: readonly PlanEntry[]): Consequence[] {
  const old = new Map(before.map((entry) => [entry.id, entry]));
  return after.flatMap((entry): Consequence[] => {
    const was = old.get(entry.id);
    const waits = WAITING.includes(entry.state);
    const waited = was !== undefined && WAITING.includes(was.state);
    const when = moment(entry);
    if (waits && !waited) {
      const correction = entry.kind !== 'reminder';
      return [
        {
          tone: correction ? 'warn' : 'good',
          icon: correction ? 'icons/send' : 'icons/bell',
          what: `${entry.title} goes to ${people(entry.audience)}`,
          detail: correction ? `At once: ${when}` : when,
          mails: entry.audience,
        },
      ];
    }
    if (!waits && waited) {
      return [
        {
          tone: 'info',
          icon: 'icons/stop',
          what: `${entry.title} is not sent`,
          detail: `It was planned for ${when}, to ${people(was.audience)}`,
          mails: 0,
        },
      ];
    }
    if (waits && waited && was.sendAt !== entry.sendAt) {
      return [
        {
          tone: 'info',
          icon: 'icons/clock',
          what: `${entry.title} moves`,
          detail: `From ${moment(was)} to ${when}, to ${people(entry.audience)}`,
          mails: 0,
        },
      ];
    }
    return [];
  });
}

function moment(entry: PlanEntry): string {
  return formatDateTime(Temporal.Instant.from(entry.sendAt), entry.zone);
}
