import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The files that take longest, in this order: each is begun before the others of its project, so that none runs alone
 * at the end. A file that is not named here takes less than half a minute.
 */
const LONGEST = [
  'e2e/pages',
  'process/first-reminder',
  'process/server',
  'process/redis-services',
  'process/losses-mid-run',
  'e2e/walk',
  'chaos/chaos',
  'e2e/bulletin-month',
  'e2e/compose',
  'sync/scale.postgres',
  'jobs/two-years.postgres',
  'jobs/zoom-trouble.postgres',
  'cli/command-line',
].map((name) => `/test/${name}.test.ts`);

/** Whole programs first, then each database with its files one after the other, so that these share a process. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const projects = ['system', ...new Set(sorted.map(({ project }) => project.name))];
    const rank = ({ moduleId, project }: TestSpecification) => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(name));
      return projects.indexOf(project.name) * 1_000 + (place < 0 ? LONGEST.length : place);
    };
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}
