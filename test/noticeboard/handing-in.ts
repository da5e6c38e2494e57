import type { Tx } from '../../src/db/open.ts';
import type { ItemKind } from '../../src/db/schema.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { parseEmailAddress } from '../../src/kernel/email-address.ts';
import { parseItemInput, type ItemInput } from '../../src/noticeboard/item-input.ts';
import { approveItem } from '../../src/noticeboard/moderation.ts';
import { confirmItem, submitItem } from '../../src/noticeboard/submission.ts';
import type { Item } from '../../src/noticeboard/items.ts';

const zone = 'Europe/London';

/** What the forms of the noticeboard hold when everything is filled in well. */
export const FORMS = {
  vacancy: {
    role: 'Occupational therapist, Band 6',
    employer: 'Example Teaching Hospital',
    place: 'Leeds',
    pay: 'Band 6',
    hours: '37.5 a week',
    contract: 'Permanent',
    closingDate: '2027-06-30',
    link: 'https://jobs.example.org/vacancy/1',
    contact: 'recruitment@hospital.example',
  },
  training: {
    title: 'Splinting the wrist',
    provider: 'Hand Therapy Academy',
    start: '2027-06-16T18:30',
    end: '2027-06-16T20:30',
    online: 'on',
    cost: 'Free',
    cpdHours: '2',
    link: 'https://courses.example.org/splinting',
  },
  request: {
    text: 'Does anybody have a spare bath lift?\nFor four weeks, in York.',
    contact: '01904 496000',
  },
} satisfies Record<ItemKind, object>;

export function input(clock: Clock, kind: ItemKind, changes: object = {}): ItemInput {
  return parseItemInput(kind, { ...FORMS[kind], ...changes }, { now: clock.now(), zone });
}

export const NO_TERMS = { vacancyTerms: '' };
export const AGREEMENT = { agreement: 'Free of charge, no recommendation.' };

/** An item that somebody handed in by form. */
export function handIn(
  tx: Tx,
  clock: Clock,
  kind: ItemKind,
  changes: object = {},
  email = 'sam@hospital.example',
): Promise<Item> {
  return submitItem(
    tx,
    {
      input: input(clock, kind, changes),
      submitter: { name: 'Sam Example', address: parseEmailAddress(email) },
    },
    { clock, settings: NO_TERMS },
  );
}

/** An item that was handed in and confirmed. */
export async function confirmed(
  tx: Tx,
  clock: Clock,
  kind: ItemKind,
  changes: object = {},
  email?: string,
): Promise<Item> {
  const item = await handIn(tx, clock, kind, changes, email);
  return confirmItem(tx, item.id, { clock });
}

/** An item that is on the noticeboard. */
export async function approved(
  tx: Tx,
  clock: Clock,
  kind: ItemKind,
  changes: object = {},
  email?: string,
): Promise<Item> {
  const item = await confirmed(tx, clock, kind, changes, email);
  return approveItem(tx, item.id, AGREEMENT, { clock, actor: 'test', settings: NO_TERMS });
}
