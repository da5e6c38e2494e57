/** How far away a meeting is when a reminder goes out, in the words of the reminder. */
export interface Lead {
  /** Chooses the wording: exactly a week, tomorrow, later today, about an hour, less, or any other number of days. */
  readonly key: 'week' | 'day' | 'today' | 'hour' | 'minutes' | 'days';
  /** "In one week", "Tomorrow", "In 3 days": begins a subject or a heading. */
  readonly phrase: string;
}

/**
 * The words follow from the two moments, not from the rule that planned the reminder: one that was held back by
 * quiet hours, or goes out late, still says what is true. Days are counted on the calendar of the meeting's zone.
 */
export function leadOf(sendAt: Temporal.Instant, start: Temporal.Instant, zone: string): Lead {
  const minutes = Math.round(start.since(sendAt).total('minutes'));
  if (minutes < 5) return { key: 'minutes', phrase: 'Starting now' };
  if (minutes >= 55 && minutes <= 65) return { key: 'hour', phrase: 'In one hour' };
  if (minutes <= 90) return { key: 'minutes', phrase: `In ${minutes} minutes` };
  const dayOf = (instant: Temporal.Instant) => instant.toZonedDateTimeISO(zone).toPlainDate();
  const days = dayOf(sendAt).until(dayOf(start)).days;
  if (days === 0) return { key: 'today', phrase: 'Today' };
  if (days === 1) return { key: 'day', phrase: 'Tomorrow' };
  if (days === 7) return { key: 'week', phrase: 'In one week' };
  return { key: 'days', phrase: days % 7 === 0 ? `In ${days / 7} weeks` : `In ${days} days` };
}
