/**
 * Zoom's number of a meeting from the link by which people join: `https://us06web.zoom.us/j/84512300001?pwd=…`.
 *
 * @returns digits only; `undefined` for a personal link (`/my/name`) and for links of other services.
 */
export function zoomNumber(link: string): string | undefined {
  if (!URL.canParse(link)) return undefined;
  const { hostname, pathname } = new URL(link);
  if (hostname !== 'zoom.us' && !hostname.endsWith('.zoom.us')) return undefined;
  return /^\/(?:j|s|w)\/(\d{9,11})(?:\/|$)/.exec(pathname)?.[1];
}
