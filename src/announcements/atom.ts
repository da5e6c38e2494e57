/** One announcement in a feed. */
export interface AtomEntry {
  /** An IRI that stays the same for ever. */
  readonly id: string;
  readonly title: string;
  readonly url: string;
  readonly updated: Temporal.Instant;
  readonly html: string;
}

export interface AtomFeed {
  readonly id: string;
  readonly title: string;
  readonly author: string;
  readonly selfUrl: string;
  readonly pageUrl: string;
  readonly updated: Temporal.Instant;
  readonly entries: readonly AtomEntry[];
}

/** Text in XML 1.0, which has no place for most control characters (section 2.2). */
function xml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const time = (at: Temporal.Instant): string => at.toString({ smallestUnit: 'second' });

/** A feed in Atom (RFC 4287). */
export function buildAtomFeed(feed: AtomFeed): string {
  const entries = feed.entries.map(
    (entry) => `  <entry>
    <id>${xml(entry.id)}</id>
    <title>${xml(entry.title)}</title>
    <link rel="alternate" type="text/html" href="${xml(entry.url)}"/>
    <published>${time(entry.updated)}</published>
    <updated>${time(entry.updated)}</updated>
    <content type="html">${xml(entry.html)}</content>
  </entry>
`,
  );
  return `<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-GB">
  <id>${xml(feed.id)}</id>
  <title>${xml(feed.title)}</title>
  <author><name>${xml(feed.author)}</name></author>
  <link rel="self" type="application/atom+xml" href="${xml(feed.selfUrl)}"/>
  <link rel="alternate" type="text/html" href="${xml(feed.pageUrl)}"/>
  <updated>${time(feed.updated)}</updated>
${entries.join('')}</feed>
`;
}
