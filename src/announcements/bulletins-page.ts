/** An item, and a group of items, as `templates/web/bulletin.hbs` marks them in the web page of a bulletin. */
const ITEM = /<div data-item="([^"]*)">[\s\S]*?<\/div>\s*/g;
const EMPTY_GROUP = /<section data-group>\s*<h2>[^<]*<\/h2>\s*<\/section>\s*/g;

/**
 * The web page of a bulletin as it was sent, without the items that are not open any more: what was taken down may
 * have held what nobody should see again.
 *
 * @param open ids of the items that stay.
 */
export function withOpenItems(html: string, open: ReadonlySet<string>): string {
  return html.replace(ITEM, (item, id: string) => (open.has(id) ? item : '')).replace(EMPTY_GROUP, '');
}
