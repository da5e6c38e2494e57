import { defineConfig } from 'vitest/config';

/** Folders whose tests use a database: they run once on the embedded database and once on Postgres. */
const DATABASE_TESTS = [
  'test/{db,organisation,outbox,subscribers,sync,meetings,attendance,announcements,noticeboard,jobs,web,cli}/**/*.test.ts',
  'test/queue/**/*.database.test.ts',
];
/** Tests of several processes at once, for which the embedded database is not made. */
const POSTGRES_TESTS = ['test/**/*.postgres.test.ts'];
const OTHER_SUITES = ['test/e2e/**', 'test/chaos/**', 'test/process/**'];

export default defineConfig({
  test: {
    setupFiles: ['test/support/setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'pure',
          // Files share what they import: these tests keep nothing there.
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [...DATABASE_TESTS, ...POSTGRES_TESTS, ...OTHER_SUITES],
        },
      },
      {
        extends: true,
        test: {
          name: 'embedded',
          include: DATABASE_TESTS,
          exclude: POSTGRES_TESTS,
          env: { TEST_DATABASE: 'embedded' },
          globalSetup: ['test/support/built.mjs', 'test/support/embedded.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          include: [...DATABASE_TESTS, ...POSTGRES_TESTS],
          env: { TEST_DATABASE: 'postgres' },
          globalSetup: ['test/support/built.mjs', 'test/support/postgres.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: OTHER_SUITES.map((folder) => `${folder}/*.test.ts`),
          exclude: POSTGRES_TESTS,
          globalSetup: ['test/support/built.mjs'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
