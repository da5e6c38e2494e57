import { formatShortDateTime, zoneLabel } from '../../calendar/format.ts';
import type { Column } from './table.ts';

/**
 * A column of times that are always shown whole. The zone stands in the heading where all rows share it, else
 * behind each time.
 */
export function timeColumn<Row>(
  heading: string,
  rows: readonly Row[],
  timeOf: (row: Row) => { readonly at: Temporal.Instant | null; readonly zone: string },
): Column<Row> {
  const zones = new Set(rows.map((row) => timeOf(row).zone));
  const [zone] = zones;
  const shared = zones.size === 1 && zone !== undefined;
  return {
    heading: shared ? `${heading} (${zoneLabel(zone)})` : heading,
    value: (row) => {
      const time = timeOf(row);
      if (time.at === null) return '';
      const words = formatShortDateTime(time.at, time.zone);
      return shared ? words : `${words} (${zoneLabel(time.zone)})`;
    },
    whole: true,
  };
}
