import type { Db } from '../../db/open.ts';
import type { Clock } from '../../kernel/clock.ts';

export async function loadSampleGroup(_db: Db, _context: { clock: Clock }): Promise<void> {}
