import { readSettings } from '../../organisation/settings.ts';
import { recordParts, subscriberRecord } from '../../subscribers/subscriber-record.ts';
import { findSubscriber } from '../../subscribers/subscribers.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import { routes } from '../plugin.ts';
import { idFrom, pathOf } from './leave.ts';

type ByToken = { Params: { token: string } };

/** Everything that is kept about a person, to read and as a file, behind a link that works for a day. */
export const recordPages = routes({ name: 'record', needs: ['access', 'pages'] }, (app) => {
  const { db, links } = app.deps;

  app.get<ByToken>('/my-record/:token', async (request, reply) => {
    const record = await recordBy(request.params.token);
    const { timeZone } = await readSettings(db);
    return reply.page('public/record', {
      title: 'What we keep about you',
      file: `/my-record/${request.params.token}/record.json`,
      preferences: pathOf(links.preferencesUrl(record.person.id)),
      parts: recordParts(record, { zone: timeZone }),
    });
  });

  app.get<ByToken>('/my-record/:token/record.json', async (request, reply) => {
    const record = await recordBy(request.params.token);
    return reply
      .type('application/json; charset=utf-8')
      .header('content-disposition', 'attachment; filename="my-record.json"')
      .header('cache-control', 'no-store')
      .send(JSON.stringify(record, null, 2));
  });

  async function recordBy(token: string) {
    const id = idFrom(links, 'record', token);
    if ((await findSubscriber(db, id)) === undefined) {
      throw new ConvenorError('not_found', 'We keep nothing about you any more.');
    }
    return subscriberRecord(db, id);
  }
});
