import type { FakeAccount, Routes } from './account.ts';
import { Refusal, invalid } from './reply.ts';

/** Ids that callers may have stored; every other zone is numbered by its place in the alphabet. */
const KNOWN_ZONES: Readonly<Record<string, string>> = {
  'Africa/Tripoli': '50',
  UTC: '426',
  'Europe/London': '342',
};

const ZONES = numberZones();

function numberZones(): ReadonlyMap<string, string> {
  const zones = new Map(Object.entries(KNOWN_ZONES).map(([name, id]) => [id, name]));
  let next = 1;
  for (const name of Intl.supportedValuesOf('timeZone')) {
    if (name in KNOWN_ZONES) continue;
    while (zones.has(String(next))) next += 1;
    zones.set(String(next), name);
  }
  // One zone stands in the list twice.
  zones.set('505', 'Europe/London');
  return zones;
}

const LANGUAGES = [
  { id: '16', shortcode: 'dk', iso639: 'da-DK', name: 'Dansk', direction: 'ltr' },
  { id: '5', shortcode: 'de', iso639: 'de-DE', name: 'Deutsch', direction: 'ltr' },
  { id: '4', shortcode: 'en', iso639: 'en-US', name: 'English', direction: 'ltr' },
  { id: '8', shortcode: 'es', iso639: 'es-ES', name: 'Español', direction: 'ltr' },
  { id: '6', shortcode: 'fr', iso639: 'fr-FR', name: 'Français', direction: 'ltr' },
  { id: '36', shortcode: 'he', iso639: 'he', name: '(Hebrew) עברית', direction: 'rtl' },
] as const;

/** The language with this id; English when there is none. */
export function languageOf(id: string) {
  return LANGUAGES.find((language) => language.id === id) ?? LANGUAGES[2];
}

export const referenceRoutes: Routes = {
  'GET /timezones': ({ account }) => ({
    status: 200,
    body: {
      data: [...ZONES]
        .sort(([a], [b]) => Number(a) - Number(b))
        .map(([id, name]) => {
          const nanoseconds = account.clock.now().toZonedDateTimeISO(name).offsetNanoseconds;
          const offset = Math.trunc(nanoseconds / 60e9);
          const offsetName = offsetText(offset);
          return {
            id,
            name,
            name_for_humans: `${name.replaceAll('_', ' ')} (${offsetName})`,
            offset_name: offsetName,
            offset,
          };
        }),
    },
  }),
  'GET /campaigns/languages': () => ({ status: 200, body: { data: LANGUAGES } }),
};

function offsetText(minutes: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.trunc(size / 60))}:${two(size % 60)}`;
}

/** The instant that a schedule means: in its own zone or the account's; instant delivery is a minute from now. */
export function scheduledInstant(
  account: FakeAccount,
  body: Readonly<Record<string, unknown>>,
): Temporal.Instant {
  const now = account.clock.now();
  if (body['delivery'] === 'instant') return now.add({ seconds: 60 });
  if (body['delivery'] !== 'scheduled') throw invalid({ delivery: ['The selected delivery is invalid.'] });
  const schedule = (body['schedule'] ?? {}) as Readonly<Record<string, unknown>>;
  const errors: Record<string, string[]> = {};
  for (const [key, letter] of [
    ['hours', 'H'],
    ['minutes', 'i'],
  ] as const) {
    if (typeof schedule[key] !== 'string' || !/^\d\d$/.test(schedule[key])) {
      errors[`schedule.${key}`] = [`The schedule.${key} field must match the format ${letter}.`];
    }
  }
  if (typeof schedule['date'] !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(schedule['date'])) {
    errors['schedule.date'] = ['The schedule.date field must match the format Y-m-d.'];
  }
  if (Object.keys(errors).length > 0) throw invalid(errors);
  const id = schedule['timezone_id'] as number | string | undefined;
  const zone = id === undefined ? account.behaviour.zone : ZONES.get(String(id));
  if (zone === undefined)
    throw invalid({ 'schedule.timezone_id': ['The selected schedule.timezone_id is invalid.'] });
  const wall = `${String(schedule['date'])}T${String(schedule['hours'])}:${String(schedule['minutes'])}`;
  const at = Temporal.PlainDateTime.from(wall).toZonedDateTime(zone).toInstant();
  if (Temporal.Instant.compare(at, now) <= 0) {
    throw new Refusal(422, {
      message: 'Please select time in the future',
      errors: { 'schedule.hours': ['Please select time in the future'] },
    });
  }
  return at;
}
