import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import { assetsFolder } from '../../kernel/paths.ts';
import { brandStyles } from '../brand.ts';
import { serverPlugin } from '../plugin.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Addresses of the style sheet (in the organisation's colour, "#rrggbb") and of the other files. */
    readonly assets: { styles(colour: string): string; file(name: string): string };
  }
}

const YEAR = 31_536_000;
const COLOUR = /^[0-9a-f]{6}$/;

/**
 * Style sheet, script and pictures, from files of ours only. Addresses carry a hash of the content, so that a
 * browser may keep them for ever. The style sheets in `css/` are joined in the order of their names.
 */
export const assets = serverPlugin({ name: 'assets' }, async (app) => {
  const styleFolder = path.join(assetsFolder, 'css');
  const styles = readdirSync(styleFolder)
    .filter((name) => name.endsWith('.css'))
    .sort()
    .map((name) => readFileSync(path.join(styleFolder, name), 'utf8'))
    .map(withoutComments)
    .join('\n');
  const versions = new Map(
    readdirSync(assetsFolder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [name, hash(readFileSync(path.join(assetsFolder, name)))]),
  );
  const stylesVersion = hash(styles);

  app.decorate('assets', {
    styles: (colour: string) => `/assets/convenor.css?v=${stylesVersion}&c=${colour.slice(1)}`,
    file: (name: string) => `/assets/${name}?v=${versions.get(name) ?? missing(name)}`,
  });

  app.get<{ Querystring: { c?: string; v?: string } }>('/assets/convenor.css', (request, reply) => {
    const { c: colour = '', v: version } = request.query;
    const brand = COLOUR.test(colour) ? brandStyles(`#${colour}`) : '';
    return reply
      .type('text/css; charset=utf-8')
      .header('cache-control', version === stylesVersion ? `public, max-age=${YEAR}, immutable` : 'no-cache')
      .send(`${styles}\n${brand}`);
  });

  await app.register(fastifyStatic, {
    root: assetsFolder,
    prefix: '/assets/',
    index: false,
    decorateReply: false,
    allowedPath: (name) => versions.has(name.slice(1)),
    maxAge: YEAR * 1000,
    immutable: true,
  });
});

function hash(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 10);
}

function withoutComments(css: string): string {
  return css
    .replace(/\/\*[^]*?\*\//g, '')
    .replace(/\n\s*\n/g, '\n')
    .replace(/\n\s+/g, '\n ');
}

function missing(name: string): never {
  throw new Error(`There is no asset ${name}.`);
}
