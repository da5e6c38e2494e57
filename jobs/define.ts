import type { Services } from './services.ts';
import { jobDefiner } from '../src/queue/job.ts';

/** `defineJob({ name, schema, concurrency, due, run })`: one file of this folder each; see `src/queue/job.ts`. */
export const defineJob = jobDefiner<Services>();
