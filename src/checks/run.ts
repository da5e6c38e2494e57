import type { Finding } from '../kernel/finding.ts';
import { checkContrast, checkSize, checkUnsubscribe } from './mail.ts';
import { checkPeople } from './people.ts';
import { checkAudience, checkDates, checkSameDay, checkTime } from './sending.ts';
import { checkFields, checkHeadings, checkImages, checkLinks } from './text.ts';
import type { Checked } from './types.ts';

/** Everything that the checks find, errors first, then by line. Nothing here asks a network. */
export function runChecks(checked: Checked): Finding[] {
  const { sending } = checked;
  return [
    ...checkFields(checked),
    ...checkLinks(checked),
    ...checkImages(checked),
    ...checkHeadings(checked),
    ...checkContrast(checked),
    ...checkSize(checked),
    ...checkUnsubscribe(checked),
    ...checkDates(checked),
    ...checkAudience(sending),
    ...checkPeople(checked),
    ...checkTime(sending),
    ...checkSameDay(sending),
  ].toSorted((a, b) => (a.level === b.level ? 0 : a.level === 'error' ? -1 : 1));
}
