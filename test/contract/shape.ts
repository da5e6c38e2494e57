/**
 * The shape of a JSON value: which keys it has and which kind of value stands behind each. Written as JSON:
 *
 * - a scalar is the name of its kind, several kinds are joined with `|`: `"string|null"`; a share, which is
 *   always written as a number and a text, counts as a scalar: `"rate"`;
 * - an object is an object of shapes; a key that was seen on some items only ends in `?`;
 * - a list is a list with the one shape of all its items, or an empty list when none was seen;
 * - a map, whose keys are data and not contract, is `{ "*": shape }`;
 * - something that was an object in one item and a scalar or null in another is `{ "|": [shapes] }`.
 */
export type Shape = string | readonly Shape[] | { readonly [key: string]: Shape };

type ShapeObject = Record<string, Shape>;

/** Kinds of text that callers rely on, most special first. */
const TEXT_KINDS: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['timestamp', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/],
  ['id', /^\d{15,20}$/],
  ['digits', /^\d{1,14}$/],
  ['url', /^https?:\/\//],
];

/** Keys that hold a map from data to values. */
const MAPS = new Set(['fields']);

/** The shape of one value. `key` is the name it stands under, where there is one. */
export function shapeOf(value: unknown, key?: string): Shape {
  if (value === null) return 'null';
  if (Array.isArray(value)) {
    const items = value.map((item) => shapeOf(item));
    return items.length === 0 ? [] : [items.reduce(mergeShapes)];
  }
  if (typeof value === 'object') {
    const entries = Object.entries(value);
    if (isRate(value)) return 'rate';
    if (key !== undefined && MAPS.has(key)) {
      return { '*': entries.map(([, item]) => shapeOf(item)).reduce(mergeShapes, 'null') };
    }
    return Object.fromEntries(entries.map(([name, item]) => [name, shapeOf(item, name)]));
  }
  if (typeof value === 'string')
    return TEXT_KINDS.find(([, pattern]) => pattern.test(value))?.[0] ?? 'string';
  return typeof value;
}

/** The shape of "either this or that". */
export function mergeShapes(left: Shape, right: Shape): Shape {
  if (typeof left === 'string' && typeof right === 'string') {
    return [...new Set([...left.split('|'), ...right.split('|')])].sort().join('|');
  }
  if (isList(left) && isList(right)) {
    const items = [...left, ...right];
    return items.length === 0 ? [] : [items.reduce(mergeShapes)];
  }
  if (isPlain(left) && isPlain(right)) return mergeObjects(left, right);
  const choices = [...choicesOf(left), ...choicesOf(right)];
  const scalars = choices.filter((choice) => typeof choice === 'string');
  const objects = choices.filter(isPlain);
  const lists = choices.filter(isList);
  return {
    '|': [scalars, objects, lists].filter((kind) => kind.length > 0).map((kind) => kind.reduce(mergeShapes)),
  };
}

function mergeObjects(left: ShapeObject, right: ShapeObject): Shape {
  const names = new Set([...Object.keys(left), ...Object.keys(right)].map((name) => name.replace(/\?$/, '')));
  return Object.fromEntries(
    [...names].map((name) => {
      const a = left[name] ?? left[`${name}?`];
      const b = right[name] ?? right[`${name}?`];
      const always = left[name] !== undefined && right[name] !== undefined;
      return [always ? name : `${name}?`, a === undefined ? b! : b === undefined ? a : mergeShapes(a, b)];
    }),
  );
}

/**
 * The ways in which a value differs from a shape, each as `path: what`; empty when it conforms. A text may be
 * of a more special kind than plain `string`; a list whose items were never seen accepts any items.
 */
export function differences(value: unknown, shape: Shape, path = '$'): string[] {
  if (typeof shape === 'string') {
    const kind = shapeOf(value);
    const allowed = shape.split('|');
    const fits =
      typeof kind === 'string' &&
      (allowed.includes(kind) || (typeof value === 'string' && allowed.includes('string')));
    return fits
      ? []
      : [
          `${path}: ${typeof kind === 'string' ? kind : Array.isArray(kind) ? 'list' : 'object'} instead of ${shape}`,
        ];
  }
  if (isList(shape)) {
    if (!Array.isArray(value)) return [`${path}: not a list`];
    const [item] = shape;
    return item === undefined
      ? []
      : value.flatMap((each, index) => differences(each, item, `${path}[${index}]`));
  }
  const choices = shape['|'];
  if (choices !== undefined) {
    const results = choicesOf(shape).map((choice) => differences(value, choice, path));
    return results.some((found) => found.length === 0)
      ? []
      : results.toSorted((a, b) => a.length - b.length)[0]!;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: not an object`];
  const entries = Object.entries(value);
  const each = shape['*'];
  if (each !== undefined)
    return entries.flatMap(([name, item]) => differences(item, each, `${path}.${name}`));
  return [
    ...Object.keys(shape)
      .filter((name) => !name.endsWith('?') && !Object.hasOwn(value, name))
      .map((name) => `${path}.${name}: missing`),
    ...entries.flatMap(([name, item]) => {
      const expected = shape[name] ?? shape[`${name}?`];
      return expected === undefined
        ? [`${path}.${name}: not in the contract`]
        : differences(item, expected, `${path}.${name}`);
    }),
  ];
}

function isRate(value: object): boolean {
  const { float, string, ...others } = value as Record<string, unknown>;
  return (
    typeof float === 'number' &&
    typeof string === 'string' &&
    /^\d+(?:\.\d+)?%$/.test(string) &&
    Object.keys(others).length === 0
  );
}

function isList(shape: Shape): shape is readonly Shape[] {
  return Array.isArray(shape);
}

function isPlain(shape: Shape): shape is ShapeObject {
  return typeof shape === 'object' && !Array.isArray(shape) && !('|' in shape);
}

function choicesOf(shape: Shape): readonly Shape[] {
  return typeof shape === 'object' && !isList(shape) && '|' in shape
    ? (shape['|'] as readonly Shape[])
    : [shape];
}
