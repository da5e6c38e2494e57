import type { FastifyRequest } from 'fastify';
import type { Db, Tx } from '../db/open.ts';
import { checkAll } from '../kernel/errors.ts';
import type { Clock } from '../kernel/clock.ts';
import { changeSetting, readSettings, type SettingKey, type Settings } from '../organisation/settings.ts';
import { actorOf } from './plugins/sessions.ts';

/** What domain functions want to know beside their input. */
export interface Acting {
  readonly db: Db;
  readonly clock: Clock;
  readonly actor: string;
  readonly settings: Settings;
}

/** The person who is signed in, as the domain's context of an act. */
export async function acting(request: FastifyRequest): Promise<Acting> {
  const { db, clock } = request.server.deps;
  return { db, clock, actor: actorOf(request), settings: await readSettings(db) };
}

/**
 * Changes several settings together or none.
 *
 * @throws ConvenorError `invalid_input` with a problem for each setting that is not accepted.
 */
export async function changeSettings(
  tx: Tx,
  entries: readonly (readonly [SettingKey, string])[],
  context: { clock: Clock; actor: string },
): Promise<void> {
  await tx.transaction(async (inner) => {
    await checkAll(
      entries.map(
        ([key, text]) =>
          () =>
            changeSetting(inner, key, text, context),
      ),
    );
  });
}
