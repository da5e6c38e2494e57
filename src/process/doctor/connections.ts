import type { Finding } from '../../cli/host.ts';
import type { App } from '../app.ts';
import { databaseFindings, redisFindings } from '../inspect.ts';
import { dkimFinding, mailerliteFinding, mailFinding, zoomFinding } from './services.ts';

/** What can be tried out from the page of the settings. */
export type Connection = 'mail' | 'mailerlite' | 'zoom' | 'redis' | 'database';

/** Tries one connection of the running server; what is wrong comes in words, with what to do. */
export async function checkConnection(app: App, connection: Connection): Promise<readonly Finding[]> {
  switch (connection) {
    case 'mail':
      return Promise.all([mailFinding(app.mailer), dkimFinding(app.config)]);
    case 'mailerlite':
      return [await mailerliteFinding(app.config, app.mailerlite)];
    case 'zoom':
      return [await zoomFinding(app.config, (await app.settings()).zoomHost, app.zoom)];
    case 'redis':
      return [...redisFindings(await app.queue.check(), app.queue.ready)];
    case 'database':
      return collected(databaseFindings(app, app.clock.now()));
  }
}

async function collected(findings: AsyncIterable<Finding>): Promise<Finding[]> {
  const list: Finding[] = [];
  for await (const finding of findings) list.push(finding);
  return list;
}
