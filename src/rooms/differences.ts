import { z } from 'zod';

const foundValue = z.object({ field: z.string(), wanted: z.string(), found: z.string() });

/** A value at Zoom that is not ours: `edited` by somebody in the portal, or `overruled` by the account's settings. */
const difference = foundValue.extend({ cause: z.enum(['edited', 'overruled']) });
export type RoomDifference = z.output<typeof difference>;
type Found = z.output<typeof foundValue>;

const values = z.record(z.string(), z.string());
export type Values = z.output<typeof values>;

/** Reads what a row keeps as JSON. */
export const readDifferences = (json: unknown): RoomDifference[] => z.array(difference).parse(json);
export const readValues = (json: unknown): Values => values.parse(json ?? {});

/**
 * Tells our own changes from those that somebody made at Zoom. A field is ours to push when our value is not
 * the one that Zoom was last given; where ours stands still, the other side moved.
 *
 * @param found every field in which Zoom is not as we want it.
 * @param pushed the values that Zoom was last given.
 */
export function splitDifferences(
  found: readonly Found[],
  pushed: Values,
): { readonly ours: readonly string[]; readonly theirs: readonly Found[] } {
  const isOurs = ({ field, wanted }: Found) => pushed[field] !== wanted;
  return {
    ours: found.filter(isOurs).map(({ field }) => field),
    theirs: found.filter((item) => !isOurs(item)),
  };
}

/**
 * The differences that people are to see: without those that were agreed to. What still differs right after we
 * pushed it is overruled by the account; what was overruled before and has not moved since stays so.
 */
export function shownDifferences(
  found: readonly Found[],
  {
    justPushed,
    before,
    accepted,
  }: { justPushed: readonly string[]; before: readonly RoomDifference[]; accepted: Values },
): RoomDifference[] {
  return found
    .filter((item) => accepted[item.field] !== item.found)
    .map((item) => {
      const overruled =
        justPushed.includes(item.field) ||
        before.some(
          (old) => old.cause === 'overruled' && old.field === item.field && old.found === item.found,
        );
      return { ...item, cause: overruled ? ('overruled' as const) : ('edited' as const) };
    });
}
