/** The fields of an item, as a browser sends them and as a form shows them. */
import type { FastifyRequest } from 'fastify';
import type { ItemKind } from '../../db/schema.ts';
import { ConvenorError, invalidInput, type FieldProblem } from '../../kernel/errors.ts';
import { itemFormValues } from '../../noticeboard/item-form.ts';
import type { Item } from '../../noticeboard/items.ts';
import { field, fieldList, type FormModel } from '../form.ts';

const FIELDS = [
  'role',
  'employer',
  'title',
  'provider',
  'text',
  'start',
  'end',
  'place',
  'online',
  'pay',
  'hours',
  'contract',
  'closingDate',
  'cost',
  'cpdHours',
  'link',
  'contact',
] as const;

/** Fields for single days that a form offers beyond those that are filled in. */
const FEWEST_DAYS = 3;
const SPARE_DAYS = 2;

export const ITEM_LABELS = {
  role: 'The role',
  employer: 'The employer',
  title: 'The title',
  provider: 'The provider',
  text: 'Your text',
  start: 'The start',
  end: 'The end',
  dates: 'The whole days:',
  place: 'The place',
  pay: 'Band or pay',
  hours: 'The hours',
  contract: 'The contract',
  closingDate: 'The last day',
  cost: 'The cost',
  cpdHours: 'The CPD hours',
  link: 'The link',
  contact: 'The contact',
};

const EMPTY: Readonly<Record<string, string>> = {
  role: 'Name the role.',
  employer: 'Name the employer.',
  title: 'Name the training.',
  provider: 'Name whoever provides it.',
  text: 'Say what you are looking for.',
  closingDate: 'Give the last day on which people can apply.',
};

/** Sentences of their own for fields that were left empty. */
export function emptySentences(values: FormModel['values']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(EMPTY).filter(([name]) => (values[name] ?? '') === '' && name in values),
  );
}

/** What was typed into the fields of an item, by the names that `parseItemInput` reads. */
export function postedItem(request: FastifyRequest): Record<string, string | string[]> {
  return {
    ...Object.fromEntries(FIELDS.map((name) => [name, field(request, name)])),
    dates: fieldList(request, 'dates')
      .map((day) => day.trim())
      .filter((day) => day !== ''),
  };
}

/** What the fields of an item hold, for a form that changes it. */
export function storedItem(item: Item): Record<string, string | string[]> {
  const { dates = '', ...values } = itemFormValues(item);
  return { ...values, dates: dates.split(', ').filter((day) => day !== '') };
}

/** What the template of the fields needs beside values and errors. */
export function itemFieldsModel(kind: ItemKind, values: FormModel['values']) {
  const given = (values['dates'] ?? []) as readonly string[];
  const count = Math.max(FEWEST_DAYS, given.length + SPARE_DAYS);
  return {
    isVacancy: kind === 'vacancy',
    isTraining: kind === 'training',
    isRequest: kind === 'request',
    isOnline: (values['online'] ?? '') !== '',
    days: Array.from({ length: count }, (_, index) => ({ number: index + 1, value: given[index] ?? '' })),
  };
}

/**
 * Reads several parts of a form, so that a person sees everything that is wrong at once.
 *
 * @returns what each reader gave, in their order.
 * @throws ConvenorError `invalid_input` with the problems of all.
 */
export function readAll<T extends readonly unknown[]>(
  ...readers: { readonly [K in keyof T]: () => T[K] }
): T {
  const problems: FieldProblem[] = [];
  const values = readers.map((read) => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConvenorError) || error.code !== 'invalid_input') throw error;
      problems.push(...error.problems);
      return undefined;
    }
  });
  const [first, ...others] = problems;
  if (first !== undefined) throw invalidInput(first, ...others);
  return values as unknown as T;
}
