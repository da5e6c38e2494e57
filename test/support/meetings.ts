import { desc } from 'drizzle-orm';
import type { Tx } from '../../src/db/open.ts';
import { subscribers, topicSubscriptions, consentEvents, type Topic } from '../../src/db/schema.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { parseSeriesInput, parseSingleMeetingInput } from '../../src/meetings/meeting-input.ts';
import type { ChangeContext } from '../../src/announcements/meeting-changes.ts';

/** The group's usual rules. */
export function planning(clock: Clock): ChangeContext {
  return {
    clock,
    actor: 'test',
    settings: {
      timeZone: 'Europe/London',
      quietHours: {
        from: Temporal.PlainTime.from('22:00'),
        to: Temporal.PlainTime.from('08:00'),
      },
      bankHolidays: 'england-and-wales',
    },
  };
}

/** First Wednesday of the month at 19:00 UK time, with reminders 7 days, 1 day and 1 hour before. */
export function monthlySeries(clock: Clock, changes: object = {}) {
  return parseSeriesInput(
    {
      title: 'Monthly meeting',
      rule: 'FREQ=MONTHLY;BYDAY=1WE',
      time: '19:00',
      zone: 'Europe/London',
      duration: 60,
      link: 'https://zoom.example/j/1',
      remind: ['7d@09:00', '1d@09:00', '1h'],
      ...changes,
    },
    clock.now().toZonedDateTimeISO('Europe/London').toPlainDate(),
  );
}

export function singleMeeting(start: string, changes: object = {}) {
  return parseSingleMeetingInput({
    title: 'Extra meeting',
    start,
    zone: 'Europe/London',
    duration: 60,
    link: 'https://zoom.example/j/2',
    remind: ['1d@09:00', '1h'],
    ...changes,
  });
}

/** People who get mail about a topic, without going through the form. Their ids in the order of their addresses. */
export async function addPeople(
  tx: Tx,
  clock: Clock,
  count: number,
  topic: Topic = 'meetings',
): Promise<string[]> {
  const now = clock.now();
  const [last] = await tx
    .select({ seq: consentEvents.seq })
    .from(consentEvents)
    .orderBy(desc(consentEvents.seq))
    .limit(1);
  const seq = (last?.seq ?? 0) + 1;
  await tx.insert(consentEvents).values({
    seq,
    at: now,
    subscriberId: newId(now),
    topic,
    act: 'given',
    source: 'administrator',
    previousHash: `before ${seq}`,
    hash: `hash ${seq}`,
  });
  const people = Array.from({ length: count }, (_, index) => ({
    id: newId(now),
    email: `person${index}@example.org`,
    emailNormalised: `person${index}@example.org`,
    name: `Person ${index}`,
    state: 'active' as const,
    createdAt: now,
    updatedAt: now,
  }));
  for (let start = 0; start < people.length; start += 1000) {
    const some = people.slice(start, start + 1000);
    await tx.insert(subscribers).values(some);
    await tx
      .insert(topicSubscriptions)
      .values(
        some.map(({ id }) => ({ subscriberId: id, topic, subscribed: true, changedAt: now, eventSeq: seq })),
      );
  }
  return people.map(({ id }) => id);
}
