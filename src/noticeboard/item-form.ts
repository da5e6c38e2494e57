import type { Item } from './items.ts';

/** What the fields of the form of an item held, as `parseItemInput` reads them: to fill in a form for a change. */
export function itemFormValues(item: Item): Readonly<Record<string, string>> {
  const { link, contact, place, pay, hours, contract, cost, cpdHours, text } = item;
  const reach = { link: link ?? '', contact };
  const where = { place, online: item.online ? 'yes' : '' };
  switch (item.kind) {
    case 'vacancy':
      return {
        role: item.title,
        employer: item.organisation,
        ...where,
        pay,
        hours,
        contract,
        closingDate: item.closesOn.toString(),
        ...reach,
      };
    case 'training':
      return {
        title: item.title,
        provider: item.organisation,
        start: item.wallStart ?? '',
        end: item.wallEnd ?? '',
        dates: item.dates.join(', '),
        ...where,
        cost,
        cpdHours,
        ...reach,
      };
    case 'request':
      return { text, closingDate: item.closesOn.toString(), ...reach };
  }
}
