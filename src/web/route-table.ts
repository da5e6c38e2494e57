/**
 * Who may use a route.
 * - `open`: everybody; `link`: whoever holds the signed link in the address; `signed`: a service that signs what
 *   it sends.
 * - `guest`: the pages before signing in, which check for themselves when they apply.
 * - `editor`: anybody who is signed in; `administrator`: not for editors.
 */
export type Access = 'open' | 'link' | 'signed' | 'guest' | 'editor' | 'administrator';

/** Every route of the server. A route that is not here stops the server from starting; a test compares both ways. */
export const ROUTES: Readonly<Record<string, Access>> = {
  'GET /': 'open',
  'GET /next': 'open',
  'GET /calendar': 'open',
  'GET /calendar.ics': 'open',
  'GET /m/:id': 'open',
  'GET /m/:id/join': 'open',
  'GET /m/:id/survey': 'open',
  'POST /m/:id/survey': 'open',
  'GET /rsvp/:token/:id': 'link',
  'POST /rsvp/:token/:id': 'link',
  'GET /certificates': 'open',
  'GET /certificates/:code': 'open',
  'GET /u/:token': 'link',
  'POST /u/:token': 'link',
  'POST /u/:token/undo': 'link',
  'GET /preferences/:token': 'link',
  'POST /preferences/:token': 'link',
  'GET /preferences/:token/erase': 'link',
  'POST /preferences/:token/erase': 'link',
  'GET /my-record/:token': 'link',
  'GET /my-record/:token/record.json': 'link',
  'GET /join': 'open',
  'POST /join': 'open',
  'GET /join/:token': 'link',
  'POST /join/:token': 'link',
  'GET /join/confirm/:token': 'link',
  'POST /join/confirm/:token': 'link',
  'GET /policy': 'open',
  'GET /privacy': 'open',
  'GET /complaint': 'open',
  'POST /complaint': 'open',
  'POST /hooks/mailerlite': 'signed',
  'POST /hooks/zoom': 'signed',
  'GET /health/live': 'open',
  'GET /health/ready': 'open',
  'GET /metrics': 'open',
  'GET /assets/convenor.css': 'open',
  'GET /assets/*': 'open',

  'GET /admin/set-up': 'guest',
  'POST /admin/set-up': 'guest',
  'GET /admin/set-up/organisation': 'administrator',
  'POST /admin/set-up/organisation': 'administrator',
  'POST /admin/set-up/sample': 'administrator',
  'GET /admin/sign-in': 'guest',
  'POST /admin/sign-in': 'guest',
  'GET /admin/sign-in/code': 'guest',
  'POST /admin/sign-in/code': 'guest',
  'POST /admin/sign-out': 'editor',

  'GET /admin/account': 'editor',
  'POST /admin/account/password': 'editor',
  'POST /admin/account/second-step': 'editor',
  'GET /admin/account/second-step': 'editor',
  'POST /admin/account/second-step/confirm': 'editor',
  'POST /admin/account/second-step/remove': 'editor',
  'POST /admin/account/recovery-codes': 'editor',
  'POST /admin/account/sessions/end': 'editor',

  'GET /admin/people': 'administrator',
  'GET /admin/people/new': 'administrator',
  'POST /admin/people/new': 'administrator',
  'GET /admin/people/:id': 'administrator',
  'POST /admin/people/:id': 'administrator',
  'POST /admin/people/:id/access': 'administrator',
  'POST /admin/people/:id/password': 'administrator',
  'POST /admin/people/:id/second-step/remove': 'administrator',
  'GET /admin/audit': 'administrator',
  'GET /admin/audit.csv': 'administrator',

  'GET /admin': 'editor',
  'GET /admin/more': 'editor',
  'GET /admin/design': 'editor',

  'GET /admin/meetings': 'editor',
  'GET /admin/meetings/new': 'editor',
  'POST /admin/meetings/new': 'editor',
  'GET /admin/meetings/:id': 'editor',
  'GET /admin/meetings/:id/change': 'editor',
  'POST /admin/meetings/:id/change': 'editor',
  'GET /admin/meetings/:id/cancel': 'editor',
  'POST /admin/meetings/:id/cancel': 'editor',
  'POST /admin/meetings/:id/decide': 'editor',
  'POST /admin/meetings/:id/room': 'editor',
  'GET /admin/meetings/:id/start': 'editor',
  'GET /admin/meetings/:id/attendance': 'editor',
  'POST /admin/meetings/:id/attendance/fetch': 'editor',
  'POST /admin/meetings/:id/attendance/file': 'editor',
  'POST /admin/meetings/:id/attendance/confirm': 'editor',
  'POST /admin/meetings/:id/attendance/unconfirm': 'editor',
  'GET /admin/meetings/:id/after': 'editor',
  'POST /admin/meetings/:id/after': 'editor',
  'POST /admin/meetings/:id/certificates': 'administrator',
  'GET /admin/certificates/:id/file': 'editor',
  'GET /admin/certificates/:id/revoke': 'administrator',
  'POST /admin/certificates/:id/revoke': 'administrator',
  'GET /admin/meetings/series/new': 'editor',
  'POST /admin/meetings/series/new': 'editor',
  'POST /admin/meetings/series/preview': 'editor',
  'GET /admin/meetings/series/:id': 'editor',
  'GET /admin/meetings/series/:id/edit': 'editor',
  'POST /admin/meetings/series/:id/edit': 'editor',
  'GET /admin/meetings/series/:id/end': 'editor',
  'POST /admin/meetings/series/:id/end': 'editor',

  'GET /admin/announcements': 'editor',
  'GET /admin/announcements/new': 'editor',
  'POST /admin/announcements/new': 'editor',
  'POST /admin/announcements/preview': 'editor',
  'GET /admin/announcements/:id': 'editor',
  'GET /admin/announcements/:id/edit': 'editor',
  'POST /admin/announcements/:id/edit': 'editor',
  'GET /admin/announcements/:id/delete': 'editor',
  'POST /admin/announcements/:id/delete': 'editor',
  'POST /admin/announcements/:id/test': 'editor',
  'POST /admin/announcements/:id/approve': 'administrator',
  'POST /admin/announcements/:id/undo': 'editor',
  'POST /admin/announcements/:id/missed': 'editor',
  'POST /admin/announcements/:id/correction': 'editor',
  'POST /admin/announcements/:id/posted': 'editor',
  'GET /admin/announcements/:id/progress': 'editor',
  'GET /admin/announcements/:id/mail': 'editor',
  'POST /admin/announcements/:id/hold': 'editor',
  'POST /admin/announcements/:id/resume': 'editor',
  'GET /admin/announcements/:id/cancel': 'editor',
  'POST /admin/announcements/:id/cancel': 'editor',
  'POST /admin/announcements/:id/resolve': 'editor',

  'GET /admin/subscribers': 'editor',
  'GET /admin/subscribers/new': 'editor',
  'POST /admin/subscribers/new': 'editor',
  'GET /admin/subscribers/import': 'editor',
  'POST /admin/subscribers/import': 'editor',
  'GET /admin/subscribers/import/:id': 'editor',
  'GET /admin/subscribers/import/:id/rejects.csv': 'editor',
  'GET /admin/subscribers/:id': 'editor',
  'GET /admin/subscribers/:id/edit': 'editor',
  'POST /admin/subscribers/:id/edit': 'editor',
  'POST /admin/subscribers/:id/topics': 'editor',
  'GET /admin/subscribers/:id/remove': 'editor',
  'POST /admin/subscribers/:id/remove': 'editor',
  'POST /admin/subscribers/:id/allow': 'administrator',
  'GET /admin/subscribers/invite': 'editor',
  'GET /admin/subscribers/:id/invite': 'editor',
  'GET /admin/subscribers/:id/record.json': 'administrator',
  'GET /admin/subscribers/:id/erase': 'administrator',
  'POST /admin/subscribers/:id/erase': 'administrator',

  'GET /admin/wordings': 'administrator',
  'GET /admin/wordings/:key': 'administrator',
  'POST /admin/wordings/:key': 'administrator',

  'GET /admin/complaints': 'administrator',
  'GET /admin/complaints/:id': 'administrator',
  'POST /admin/complaints/:id/acknowledge': 'administrator',
  'POST /admin/complaints/:id/note': 'administrator',
  'POST /admin/complaints/:id/close': 'administrator',
  'POST /admin/complaints/:id/reopen': 'administrator',

  'GET /admin/mailerlite': 'administrator',
  'POST /admin/mailerlite/sync': 'administrator',
  'POST /admin/mailerlite/webhook': 'administrator',
  'POST /admin/mailerlite/differences/:id': 'administrator',

  'GET /admin/outbox': 'editor',
  'GET /admin/outbox/:id': 'editor',
  'GET /admin/outbox/:id/html': 'editor',
  'GET /admin/outbox/:id/source': 'editor',
  'GET /admin/outbox/:id/attachments/:index': 'editor',

  'GET /admin/settings': 'administrator',
  'POST /admin/settings/:group': 'administrator',
  'POST /admin/settings/test-mail': 'administrator',
};

/** Everything below these addresses, for plugins that bring many routes of their own. */
export const BRANCHES: Readonly<Record<string, Access>> = {
  '/admin/queues': 'administrator',
};

/**
 * Who may use a route, given its pattern as it was registered.
 *
 * @throws Error when the route is not in the table.
 */
export function accessTo(method: string, url: string): Access {
  const branch = Object.keys(BRANCHES).find((start) => url === start || url.startsWith(`${start}/`));
  if (branch !== undefined) return BRANCHES[branch]!;
  const key = `${method === 'HEAD' ? 'GET' : method} ${url}`;
  const level = ROUTES[key];
  if (level === undefined) throw new Error(`${key} is not in the route table.`);
  return level;
}
