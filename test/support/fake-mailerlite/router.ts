import type { FakeAccount, Handler, Request, Routes } from './account.ts';
import { automationRoutes } from './automations.ts';
import { campaignRoutes } from './campaigns.ts';
import { webhookRoutes } from './deliveries.ts';
import { fieldRoutes } from './fields.ts';
import { formRoutes } from './forms.ts';
import { groupRoutes } from './groups.ts';
import { importRoutes } from './imports.ts';
import { referenceRoutes } from './reference.ts';
import { Refusal, type Reply } from './reply.ts';
import { subscriberRoutes } from './subscribers.ts';

interface Route {
  readonly method: string;
  readonly parts: readonly string[];
  readonly handle: Handler;
}

const ALL: Routes = {
  ...subscriberRoutes,
  ...groupRoutes,
  ...importRoutes,
  ...fieldRoutes,
  ...campaignRoutes,
  ...referenceRoutes,
  ...webhookRoutes,
  ...formRoutes,
  ...automationRoutes,
};

/** A literal part goes before a parameter in the same place. */
const ROUTES: readonly Route[] = Object.entries(ALL)
  .map(([name, handle]) => {
    const [method, path] = name.split(' ') as [string, string];
    return { method, parts: path.split('/').slice(1), handle };
  })
  .toSorted((a, b) => parameters(a) - parameters(b));

function parameters(route: Route): number {
  return route.parts.filter((part) => part.startsWith('{')).length;
}

/** What a caller asks: everything of a request but the parameters, which the route names. */
export type Question = Omit<Request, 'params'>;

/** Answers one request, or one item of a batch. Refusals come back as replies; anything else is thrown. */
export function dispatch(question: Question): Reply {
  try {
    const { route, params } = find(question);
    return route.handle({ ...question, params });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return inWording(question.account, error.reply);
  }
}

function find({ method, path }: Question): { route: Route; params: Record<string, string> } {
  const parts = path.split('/').slice(1);
  const candidates = ROUTES.flatMap((route) => {
    const params = match(route.parts, parts);
    return params === undefined ? [] : [{ route, params }];
  });
  const found = candidates.find(({ route }) => route.method === method);
  if (found !== undefined) return found;
  if (candidates.length > 0) {
    throw new Refusal(405, { message: `The ${method} method is not supported for route api${path}.` });
  }
  throw new Refusal(404, { message: `The route api${path} could not be found.` });
}

function match(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const given = parts[index]!;
    if (part.startsWith('{')) params[part.slice(1, -1)] = decodeURIComponent(given);
    else if (part !== given) return undefined;
  }
  return params;
}

function inWording(account: FakeAccount, reply: Reply): Reply {
  const renamed = reply.status === 404 && account.behaviour.notFoundWording === 'new';
  return renamed ? { status: 404, body: { message: 'Resource does not exist.' } } : reply;
}
