/** The link with another signature, whatever that was. */
export function forgedLink(link: string): string {
  return `${link.slice(0, -2)}${link.endsWith('AA') ? 'BA' : 'AA'}`;
}
