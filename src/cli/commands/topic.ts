import { z } from 'zod';
import { TOPICS } from '../../db/schema.ts';

/** A topic as it is typed. */
export const topic = z.enum(TOPICS, { error: `must be one of ${TOPICS.join(', ')}` });
