import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OpenDatabase } from '../../src/db/open.ts';
import { MODERATION_LINK_LIFE, openItemLink, openModerationLink } from '../../src/noticeboard/item-links.ts';
import { findItem } from '../../src/noticeboard/items.ts';
import { createAdmin, updateAdmin } from '../../src/organisation/admins.ts';
import { createLinks } from '../../src/subscribers/links.ts';
import { ManualClock } from '../support/clock.ts';
import { emptyDatabase, openTestDatabase } from '../support/database.ts';
import { confirmed, handIn } from './handing-in.ts';

const clock = new ManualClock('2027-06-01T12:00:00Z');
const links = createLinks({ secretKey: 'k'.repeat(32), baseUrl: 'https://network.example.org', clock });
const tokenOf = (url: string) => url.split('/').at(-1)!;
let database: OpenDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await emptyDatabase(database);
  clock.set('2027-06-01T12:00:00Z');
});

const admin = (role: 'administrator' | 'editor' = 'administrator') =>
  createAdmin(
    database.db,
    { email: `${role}@example.org`, name: 'Alex', password: 'correct horse battery', role },
    { clock, actor: 'test' },
  );

async function moderationToken(adminId: string) {
  const item = await confirmed(database.db, clock, 'vacancy');
  const url = links.moderateItemUrl(item.id, adminId, clock.now().add(MODERATION_LINK_LIFE));
  return { item, token: tokenOf(url) };
}

describe('a link to decide about an item', () => {
  it('says as whom to decide, and changes nothing by being opened', async () => {
    const { id } = await admin();
    const { item, token } = await moderationToken(id);
    expect(await openModerationLink(database.db, links, token)).toEqual({
      item,
      actor: `admin:${id}`,
      adminName: 'Alex',
    });
    expect(await findItem(database.db, item.id)).toEqual(item);
  });

  it('works for two weeks, and not for somebody who may not decide', async () => {
    const { db } = database;
    const { id } = await admin();
    const { token } = await moderationToken(id);
    const editor = await moderationToken((await admin('editor')).id);
    await expect(openModerationLink(db, links, editor.token)).rejects.toMatchObject({ code: 'forbidden' });
    clock.advance({ hours: 24 * 14 });
    await expect(openModerationLink(db, links, token)).rejects.toThrow('expired');
    clock.set('2027-06-01T12:00:00Z');
    const second = await createAdmin(
      db,
      { email: 'second@example.org', name: 'Sam', password: 'correct horse battery' },
      { clock, actor: 'test' },
    );
    const other = await moderationToken(second.id);
    await updateAdmin(db, { id: second.id, disabled: true }, { clock, actor: 'test' });
    await expect(openModerationLink(db, links, other.token)).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('is another than the links of whoever handed the item in', async () => {
    const { db } = database;
    const item = await handIn(db, clock, 'vacancy');
    const soon = clock.now().add({ hours: 1 });
    const confirm = tokenOf(links.confirmItemUrl(item.id, soon));
    const own = tokenOf(links.ownItemUrl(item.id, soon));
    expect((await openItemLink(db, links, 'confirmItem', confirm)).id).toBe(item.id);
    expect((await openItemLink(db, links, 'ownItem', own)).id).toBe(item.id);
    for (const open of [
      openItemLink(db, links, 'ownItem', confirm),
      openItemLink(db, links, 'confirmItem', own),
      openModerationLink(db, links, own),
      openModerationLink(db, links, 'nonsense'),
    ]) {
      await expect(open).rejects.toMatchObject({ code: 'not_found' });
    }
    clock.set(soon);
    await expect(openItemLink(db, links, 'confirmItem', confirm)).rejects.toMatchObject({
      code: 'forbidden',
    });
  });
});
