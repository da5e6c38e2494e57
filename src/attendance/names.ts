/** What a name in a participant list says about who it is. */
export interface ReadName {
  /** Equal for two spellings of one name: case, accents' encoding and spaces do not count. */
  readonly key: string;
  /** For `New name (Original name)`: the two parts, each as a key. Pronouns in brackets look the same. */
  readonly parts?: { readonly outside: string; readonly inside: string };
  readonly kind: 'name' | 'device' | 'phone';
}

/** Names that a device or Zoom itself gives: two of them are no sign of one person. */
const DEVICE =
  /^(?:(?:apple |samsung |huawei |google |lenovo |dell |hp )?(?:iphone|ipad|galaxy|pixel|macbook|laptop|tablet|phone|mobile|desktop|pc|computer|android|imac|sm-)[\w .-]*|zoom user|zoom|user|guest|participant|attendee|admin|host|me)$/;

/** A caller by telephone: a number with or without stars, or Zoom's own words for one. */
const PHONE = /^(?:\+?[\d*][\d*\s().-]{4,}[\d*]|call-?in user.*|phone user.*)$/;

export function readName(name: string): ReadName {
  const key = toKey(name);
  if (PHONE.test(key)) return { key: key.replaceAll(/[\s().-]/g, ''), kind: 'phone' };
  if (key === '' || DEVICE.test(key)) return { key, kind: 'device' };
  const match = /^(.+?)\s*\(([^()]+)\)$/.exec(key);
  return match
    ? { key, parts: { outside: match[1]!, inside: match[2]! }, kind: 'name' }
    : { key, kind: 'name' };
}

function toKey(name: string): string {
  return name.normalize('NFKC').replaceAll(/\s+/g, ' ').trim().toLowerCase();
}

/**
 * Groups names that stand for the same person. A plain name joins a name in two parts when one part equals
 * it, unless several such names do: "Anna" belongs neither to "Anna (Leeds)" nor to "Anna (York)".
 *
 * @returns for each key the key of its group.
 */
export function groupNames(names: readonly ReadName[]): Map<string, string> {
  const groups = new Map(names.map(({ key }) => [key, key]));
  const inParts = [...new Map(names.filter(({ parts }) => parts).map((name) => [name.key, name])).values()];
  for (const plain of new Set(names.filter(({ parts }) => !parts).map(({ key }) => key))) {
    const same = inParts.filter(({ parts }) => parts!.outside === plain || parts!.inside === plain);
    if (same.length === 1) groups.set(same[0]!.key, plain);
  }
  return groups;
}
