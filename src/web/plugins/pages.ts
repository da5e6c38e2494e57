import type { FastifyReply, FastifyRequest } from 'fastify';
import { logoMark } from '../../organisation/logo.ts';
import { readSettings } from '../../organisation/settings.ts';
import { adminNavigation } from '../navigation.ts';
import { serverPlugin } from '../plugin.ts';
import { takeFlash, type Flash } from './sessions.ts';

/** What every page tells its layout. */
export interface PageModel {
  /** In the browser's tab and as the heading. */
  readonly title: string;
  /** The part of the navigation that the page belongs to. */
  readonly section?: string;
  /** The page above this one. */
  readonly back?: { readonly href: string; readonly label: string };
}

declare module 'fastify' {
  interface FastifyReply {
    /** Sends the page `templates/web/<name>.hbs`; the status is what `code()` was given, else 200. */
    page<Model extends PageModel>(name: string, model: Model): Promise<FastifyReply>;
  }
}

/** Renders pages: each gets its own model and, as `page`, what the layouts need. */
export const pages = serverPlugin({ name: 'pages', needs: ['assets', 'sessions'] }, (app) => {
  const { db, renderer } = app.deps;

  app.decorateReply('page', async function page(this: FastifyReply, name, model) {
    const frame = await frameOf(this.request, this, model.section ?? '');
    const html = renderer.page(name, { ...model, page: frame });
    return this.type('text/html; charset=utf-8').header('cache-control', 'no-store').send(html);
  });

  async function frameOf(request: FastifyRequest, reply: FastifyReply, section: string) {
    const settings = await readSettings(db);
    const inAdmin = request.url.split('?', 1)[0]!.startsWith('/admin');
    return {
      organisationName: settings.organisationName,
      groupName: settings.groupName,
      postalAddress: settings.postalAddress,
      contactEmail: settings.contactEmail,
      clinicalLine: settings.clinicalLine,
      styles: app.assets.styles(settings.brandColour),
      script: app.assets.file('convenor.js'),
      logo: logoView(settings.logo),
      favicon: app.assets.file('favicon.svg'),
      flash: inAdmin ? flashView(takeFlash(request)) : undefined,
      csrf: inAdmin && needsToken(request) ? reply.generateCsrf() : '',
      admin: request.admin,
      navigation: adminNavigation(section, request.admin),
    };
  }
});

function logoView(setting: string) {
  const mark = logoMark(setting);
  return mark === undefined ? undefined : { ...mark, href: `/logo?v=${mark.version}` };
}

const TONE_ICONS = { good: 'icons/check', info: 'icons/info', warn: 'icons/warn', bad: 'icons/alert' };

function flashView(flash: Flash | undefined) {
  return flash === undefined ? undefined : { ...flash, icon: TONE_ICONS[flash.tone] };
}

/** Pages with forms: an address that is not there must not start a session. */
function needsToken(request: FastifyRequest): boolean {
  return request.admin !== null || request.routeOptions.config.access === 'guest';
}
