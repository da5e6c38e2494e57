import { openDatabase } from '../src/db/open.ts';
import { NOBODY, sitemap } from '../test/e2e/sitemap.ts';
import { fillGroup } from '../test/web/large-group.ts';
import { Browser, openSite } from '../test/web/site.ts';
import { usageOf } from './processes.ts';
import { asMebibytes, median, say, withSpread, type PartReport } from './report.ts';

const PEOPLE = 100_000;
const ANNOUNCEMENTS = 200;
/** A page is asked for so often, or fewer times where that takes too long, but at least a few times. */
const MOST_ROUNDS = 11;
const LEAST_ROUNDS = 3;
const MOST_MS_PER_PAGE = 1_500;
const LIMIT_MS = 100;
const SEARCHES = [
  { name: 'subscribers-search', path: '/admin/subscribers?text=p099999' },
  { name: 'subscribers-all-by-name', path: '/admin/subscribers?order=name' },
  { name: 'subscribers-newest', path: '/admin/subscribers?order=newest' },
];

/**
 * Every page of the administrators on the embedded database, with 100,000 subscribers and 200 announcements.
 *
 * @param args `deliveries=200000`: how many deliveries these announcements have together, default 1,000,000.
 */
export async function measurePages(args: readonly string[]): Promise<PartReport> {
  const deliveries = Number(/deliveries=(\d+)/.exec(args.join(' '))?.[1] ?? 1_000_000);
  const database = await openDatabase({ dataFolder: undefined });
  const site = await openSite(database);
  try {
    say('a large group …');
    await fillGroup(site, {
      people: PEOPLE,
      announcements: ANNOUNCEMENTS,
      each: Math.floor(deliveries / ANNOUNCEMENTS),
    });
    const browser = new Browser(site);
    await browser.signIn('administrator@example.org');
    const pages = [
      { name: 'a trivial page', path: '/health/live' },
      ...(await sitemap(site)).filter(({ path }) => path.startsWith('/admin') && !path.includes(NOBODY)),
      ...SEARCHES,
    ];
    const times = new Map<string, number[]>(pages.map(({ name }) => [name, []]));
    const enough = (values: readonly number[]) =>
      values.length >= MOST_ROUNDS ||
      (values.length >= LEAST_ROUNDS && values.reduce((sum, value) => sum + value, 0) > MOST_MS_PER_PAGE);
    for (let round = 0; round <= MOST_ROUNDS; round++) {
      for (const { name, path } of pages) {
        const values = times.get(name)!;
        if (enough(values)) continue;
        const began = performance.now();
        // Each round comes from another address, so that no limit of requests is met.
        const answer = await browser.get(path, { 'x-forwarded-for': `198.51.100.${round}` });
        const took = performance.now() - began;
        if (answer.statusCode >= 500) throw new Error(`${path} answered ${answer.statusCode}`);
        // The first round warms up.
        if (round > 0) values.push(took);
      }
      say(`round ${round} of at most ${MOST_ROUNDS} done`);
    }
    const trivial = median(times.get('a trivial page')!);
    return {
      title: 'the pages of the administrators',
      about:
        `Embedded database in memory; ${PEOPLE.toLocaleString('en-GB')} subscribers, ${ANNOUNCEMENTS} announcements, ` +
        `${deliveries.toLocaleString('en-GB')} deliveries. Milliseconds for the whole answer without a network: median ` +
        `(lowest–highest) of ${LEAST_ROUNDS} to ${MOST_ROUNDS}; every median is meant to be below ${LIMIT_MS}. The ratio is to a trivial page of the same run. ` +
        `The process, database included, never had more than ${asMebibytes(usageOf(process.pid).peakBytes)} of memory.`,
      columns: ['page', 'ms', 'ratio', `below ${LIMIT_MS} ms`],
      rows: pages
        .map(({ name }) => ({ name, values: times.get(name)! }))
        .toSorted((a, b) => median(b.values) - median(a.values))
        .map(({ name, values }) => [
          name,
          withSpread(values, 1),
          (median(values) / trivial).toFixed(0),
          median(values) < LIMIT_MS ? 'yes' : 'no',
        ]),
    };
  } finally {
    await site.app.close();
    await database.close();
  }
}
