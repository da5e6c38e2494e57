import { notFound } from '../../kernel/errors.ts';
import { logoMark, readLogo } from '../../organisation/logo.ts';
import { readSettings } from '../../organisation/settings.ts';
import { query } from '../form.ts';
import { routes } from '../plugin.ts';

const YEAR = 31_536_000;

/** The organisation's logo. Its address carries the version, so that a browser may keep it for ever. */
export const logoFile = routes({ name: 'logo', needs: ['access'] }, (app) => {
  const { db } = app.deps;

  app.get('/logo', async (request, reply) => {
    const logo = await readLogo(db);
    if (logo === undefined) throw notFound('page', '/logo');
    const isCurrent = query(request, 'v') === logoMark((await readSettings(db)).logo)?.version;
    return reply
      .type(logo.type)
      .header('content-security-policy', "default-src 'none'; sandbox")
      .header('cache-control', isCurrent ? `public, max-age=${YEAR}, immutable` : 'no-cache')
      .send(Buffer.from(logo.content));
  });
});
