import type { CallOptions, Connection } from './connection.ts';
import { data, groupModel, numberedPage, type MailerLiteGroup } from './schemas.ts';

const page = numberedPage(groupModel);
const one = data(groupModel);

/** MailerLite gives at most this many groups in one page. */
const PAGE = 100;

/** All groups of the account, by name. */
export async function listGroups(connection: Connection, options?: CallOptions): Promise<MailerLiteGroup[]> {
  const groups: MailerLiteGroup[] = [];
  for (let number = 1; ; number++) {
    const answer = await connection.call(
      'the list of groups',
      page,
      (sdk) => sdk.groups.get({ limit: PAGE, page: number, sort: 'name' }),
      options,
    );
    groups.push(...answer.data);
    if (number >= answer.meta.last_page) return groups;
  }
}

/** A new group. MailerLite allows two of the same name: look first. */
export async function createGroup(
  connection: Connection,
  name: string,
  options?: CallOptions,
): Promise<MailerLiteGroup> {
  return connection.call('a new group', one, (sdk) => sdk.groups.create({ name }), options);
}

/** The group with this id. The SDK has no call for it. */
export async function getGroup(
  connection: Connection,
  id: string,
  options?: CallOptions,
): Promise<MailerLiteGroup> {
  return connection.get('a group', one, `/api/groups/${encodeURIComponent(id)}`, options);
}
