import type { DraftServices } from '../drafts/prepare.ts';
import { readSettings } from '../organisation/settings.ts';
import type { WebDependencies } from './dependencies.ts';

/** What rendering and checking a written announcement needs, from what the web server has. */
export function draftServices({ db, clock, config, renderer }: WebDependencies): DraftServices {
  return { db, clock, config, renderer, settings: () => readSettings(db) };
}
