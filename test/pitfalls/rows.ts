import type { Pitfall } from './pitfall.ts';
import { CALENDAR } from './rows/calendar.ts';
import { CONSENT } from './rows/consent.ts';
import { CRASH } from './rows/crash.ts';
import { DOUBLED } from './rows/doubled.ts';
import { MEASURED } from './rows/measured.ts';
import { TIME } from './rows/time.ts';

/** Every row: M measured in the parts that we use, T time, D doubled, C crash and recovery, U consent, I calendar. */
export const PITFALLS: readonly Pitfall[] = [
  ...MEASURED,
  ...TIME,
  ...DOUBLED,
  ...CRASH,
  ...CONSENT,
  ...CALENDAR,
];
