import type { FastifyRequest } from 'fastify';
import { isUuid, query } from './form.ts';

/** A list that can be searched, sorted, turned page by page and taken away as a file. */
export interface ListShape<Order extends string> {
  readonly path: string;
  /** Address of the same list as a CSV file. */
  readonly file: string;
  /** The orders it can be in, each as a person would say it; the first one holds when none is asked for. */
  readonly orders: Readonly<Record<Order, string>>;
  /** Names of the parameters, beside `text`, that narrow the list by fields of its form. */
  readonly filters?: readonly string[];
  /** Names of the parameters that choose a tab: they stay when something else is asked for. */
  readonly tabs?: readonly string[];
}

/** What the address of a list asks for. */
export interface List<Order extends string> {
  readonly text: string;
  readonly order: Order;
  /** Id of the last row of the page before. */
  readonly after: string | undefined;
  /** The value of a parameter that narrows the list or chooses a tab, empty where there is none. */
  value(name: string): string;
  /** The list's address with some parameters changed, from its first page on. */
  address(changes: Readonly<Record<string, string | undefined>>): string;
  /** What the partials `list-search` and `list-pager` show. */
  view(page: { rows: number; next: string | undefined }): ListView;
}

interface ListView {
  readonly path: string;
  /** What the form keeps without showing it. */
  readonly kept: readonly { name: string; value: string }[];
  readonly text: string;
  readonly orders: readonly { value: string; label: string; selected: boolean }[];
  /** Whether something narrows the list, so that an empty one says that nothing was found. */
  readonly narrowed: boolean;
  readonly csv: string | undefined;
  readonly start: string | undefined;
  readonly next: string | undefined;
}

/** Reads what the address of a list asks for; what is no order or no row of a list is as if it were not there. */
export function readList<Order extends string>(
  request: FastifyRequest,
  shape: ListShape<Order>,
): List<Order> {
  const orders = Object.keys(shape.orders) as Order[];
  const text = query(request, 'text');
  const order = orders.find((one) => one === query(request, 'order')) ?? orders[0]!;
  const asked = query(request, 'after');
  const after = isUuid(asked) ? asked : undefined;
  const values = (names: readonly string[] = []) =>
    Object.fromEntries(names.map((name) => [name, query(request, name)]));
  const [filters, tabs] = [values(shape.filters), values(shape.tabs)];
  const parameters = { ...tabs, ...filters, text, order: order === orders[0] ? '' : order };
  const address = (changes: Readonly<Record<string, string | undefined>>, base = shape.path) =>
    withParameters(base, { ...parameters, ...changes });
  return {
    text,
    order,
    after,
    value: (name) => filters[name] ?? tabs[name] ?? '',
    address: (changes) => address(changes),
    view: ({ rows, next }) => ({
      path: shape.path,
      kept: Object.entries(tabs)
        .filter(([, value]) => value !== '')
        .map(([name, value]) => ({ name, value })),
      text,
      orders: orders.map((value) => ({ value, label: shape.orders[value], selected: value === order })),
      narrowed: text !== '' || Object.values(filters).some((value) => value !== ''),
      csv: rows === 0 ? undefined : address({}, shape.file),
      start: after === undefined ? undefined : address({}),
      next: next === undefined ? undefined : address({ after: next }),
    }),
  };
}

/**
 * One page of rows that were read with one row more than fit, and the id after which the next page begins.
 */
export function pageOf<Row>(
  found: readonly Row[],
  size: number,
  idOf: (row: Row) => string,
): { rows: readonly Row[]; next: string | undefined } {
  const rows = found.slice(0, size);
  return { rows, next: found.length > size ? idOf(rows.at(-1)!) : undefined };
}

/** An address with the parameters that are not empty. */
export function withParameters(
  base: string,
  parameters: Readonly<Record<string, string | undefined>>,
): string {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return given.length === 0 ? base : `${base}?${new URLSearchParams(given).toString()}`;
}

/** How a list of what has a time and a title can be ordered: what is to come, or what is past. The first is the usual one. */
export function ordersInTime(past: boolean) {
  return past
    ? { latest: 'the latest first', soonest: 'the oldest first', title: 'by title' }
    : { soonest: 'the next one first', latest: 'the last one first', title: 'by title' };
}
