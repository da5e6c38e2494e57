import type { Tx } from '../db/open.ts';
import { listAdmins } from '../organisation/admins.ts';

/** How whoever acted is called on the pages: an administrator by name, everybody else by what they are. */
export async function actorNames(tx: Tx): Promise<(actor: string) => string> {
  const names = new Map((await listAdmins(tx)).map(({ id, name }) => [`admin:${id}`, name]));
  return (actor) => {
    const name = names.get(actor);
    if (name !== undefined) return name;
    if (actor.startsWith('admin:')) return 'an administrator';
    if (actor.startsWith('subscriber:') || actor === 'public') return 'the person';
    if (actor === 'submitter') return 'whoever handed it in';
    return actor === 'cli' ? 'the command line' : 'Convenor';
  };
}
