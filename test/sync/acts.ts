import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import type { Topic } from '../../src/db/schema.ts';
import { unsubscribe } from '../../src/subscribers/opt-out.ts';
import { changePreferences } from '../../src/subscribers/preferences.ts';
import { findSubscriber } from '../../src/subscribers/subscribers.ts';
import { listDifferences } from '../../src/sync/differences.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import {
  createWorld,
  mailableHere,
  mailableThere,
  pull,
  receiveEvents,
  settle,
  type World,
} from './world.ts';

/** The person whom most tests are about. */
export const ANNA = 'anna@example.org';

/** A world of its own for each test of a file: gives the one of the test that runs. */
export function useWorld(): () => World {
  let database: OpenDatabase;
  let world: World;
  beforeAll(async () => {
    database = await openTestDatabase();
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    await emptyDatabase(database);
    world = await createWorld(database);
  });
  afterEach(() => world.close());
  return () => world;
}

/** What happens to people of a world, and what is to be seen of them on both sides. */
export function actsIn(world: () => World) {
  const here = async (email = ANNA) => (await mailableHere(world())).get(email);
  const there = (email = ANNA) => mailableThere(world(), email);
  const idOf = async (email = ANNA) => (await findSubscriber(world().db, email))!.id;
  const inGroups = (...topics: ('meetings' | 'training')[]) => topics.map((topic) => world().groups[topic]);
  const kinds = async () => (await listDifferences(world().db)).map(({ kind }) => kind);
  const context = () => ({
    clock: world().clock,
    actor: 'admin:1',
    addressHash: world().services.addressHash,
  });

  async function leaveHere(email = ANNA, topic: Topic | 'all' = 'all'): Promise<void> {
    world().clock.advance({ minutes: 1 });
    await unsubscribe(world().db, { subscriberId: await idOf(email), topic, source: 'one_click' }, world());
  }

  async function chooseHere(topics: Partial<Record<Topic, boolean>>, email = ANNA): Promise<void> {
    world().clock.advance({ minutes: 1 });
    await changePreferences(
      world().db,
      { subscriberId: await idOf(email), topics, source: 'preferences' },
      { clock: world().clock, addressHash: world().services.addressHash },
    );
  }

  async function pauseFor(time: { hours: number }): Promise<void> {
    await changePreferences(
      world().db,
      { subscriberId: await idOf(), pausedUntil: world().clock.now().add(time), source: 'preferences' },
      { clock: world().clock, addressHash: world().services.addressHash },
    );
  }

  function actThere(act: Parameters<World['fake']['act']>[0]): void {
    world().clock.advance({ minutes: 1 });
    world().fake.act(act);
  }

  /** Both lists hold one person in the given topics. */
  async function agreed(...topics: ('meetings' | 'training')[]): Promise<void> {
    world().fake.createSubscriber({ email: ANNA, groups: inGroups(...topics) });
    await pull(world());
    expect(await here()).toEqual(topics);
  }

  async function receive(): Promise<void> {
    await receiveEvents(world());
    await settle(world());
  }

  return {
    here,
    there,
    idOf,
    inGroups,
    kinds,
    context,
    leaveHere,
    chooseHere,
    pauseFor,
    actThere,
    agreed,
    receive,
  };
}
