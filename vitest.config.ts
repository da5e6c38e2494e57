import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/sequencer.ts';

/**
 * Folders whose tests use a database: they run once on the embedded database and once on Postgres. A file beside them
 * that needs none is named `.pure.test.ts`.
 */
const DATABASE_TESTS = [
  'test/{db,organisation,outbox,subscribers,sync,meetings,attendance,announcements,noticeboard,jobs,web,cli}/**/!(*.pure).test.ts',
  'test/queue/**/*.database.test.ts',
];
/**
 * Tests of several processes at once, for which the embedded database is not made, and long rows of cases that ask the
 * database nothing but what other tests ask of both.
 */
const POSTGRES_TESTS = ['test/**/*.postgres.test.ts'];
/**
 * Pages and commands: wording, forms and permissions over domain functions that are tested on both. They run on
 * Postgres. On the embedded database `web/audit` does every act of the pages, `e2e/pages` looks at each of them, and
 * the files named here run as well: what the public does, and what depends on the engine.
 *
 * So do rows of cases of what can go wrong at MailerLite, Zoom and Redis, and a month of bulletins. On the embedded
 * database `e2e/pages` has campaigns that went well, were changed there, and were left to a person;
 * `jobs/zoom-attendance` has rooms, `sync` both sides, `e2e/bulletin-month` a month, and `process` a Redis that fails.
 */
const ONCE = [
  'test/web/**/!(audit|join|leave|leave-every-mail|lists|*.pure).test.ts',
  'test/cli/**/!(backup|command-line|remote|restore|running|setup|*.pure).test.ts',
  'test/jobs/{mailerlite-campaign,zoom-meetings}.test.ts',
  'test/{sync/interleavings,noticeboard/bulletin-month}.test.ts',
  'test/queue/queue.database.test.ts',
];
const OTHER_SUITES = ['test/e2e/**', 'test/chaos/**', 'test/process/**'];

/** Real passwords cost 0.2 s each time; the pure tests and the built program keep that price. */
const CHEAP_PASSWORDS = {
  alias: [
    {
      find: /^.*\/password-cost\.ts$/,
      replacement: path.join(import.meta.dirname, 'test/support/password-cost.ts'),
    },
  ],
};

export default defineConfig({
  test: {
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'pure',
          // Files of one process share what they import: these tests keep nothing there.
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [...DATABASE_TESTS, ...POSTGRES_TESTS, ...OTHER_SUITES],
        },
      },
      {
        extends: true,
        resolve: CHEAP_PASSWORDS,
        test: {
          name: 'embedded',
          // They share the database as well, emptied.
          isolate: false,
          include: DATABASE_TESTS,
          exclude: [...POSTGRES_TESTS, ...ONCE],
          env: { TEST_DATABASE: 'embedded' },
          globalSetup: ['test/support/built.mjs', 'test/support/embedded.ts'],
        },
      },
      {
        extends: true,
        resolve: CHEAP_PASSWORDS,
        test: {
          name: 'postgres',
          isolate: false,
          include: [...DATABASE_TESTS, ...POSTGRES_TESTS],
          env: { TEST_DATABASE: 'postgres' },
          globalSetup: ['test/support/built.mjs', 'test/support/postgres.ts'],
        },
      },
      {
        extends: true,
        resolve: CHEAP_PASSWORDS,
        test: {
          name: 'system',
          isolate: false,
          include: OTHER_SUITES.map((folder) => `${folder}/*.test.ts`),
          exclude: POSTGRES_TESTS,
          globalSetup: ['test/support/built.mjs', 'test/support/embedded.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
