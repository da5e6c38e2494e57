import type { ImportLimit } from './imports.ts';
import { dispatch, type Question } from './router.ts';
import { invalid, type Reply } from './reply.ts';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
const MOST_ITEMS = 50;

interface Item {
  readonly method: string;
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/**
 * Works off a batch in its order. The reply is 200 also when every item failed. A batch that does nothing but
 * create subscribers counts as an import.
 */
export function answerBatch(question: Question, imports: ImportLimit): Reply {
  const items = readItems(question.body['requests']);
  const importsOnly = items.every(
    ({ method, path }) => method === 'POST' && trimmed(path) === 'api/subscribers',
  );
  if (importsOnly) imports.begin(question.account);
  const responses = items.map((item) => {
    const reply = dispatch(questionOf(question, item));
    return { code: reply.status, ...(reply.body === undefined ? {} : { body: reply.body }) };
  });
  const successful = responses.filter(({ code }) => code < 300).length;
  return {
    status: 200,
    body: { total: items.length, successful, failed: items.length - successful, responses },
  };
}

function readItems(value: unknown): Item[] {
  if (!Array.isArray(value) || value.length === 0)
    throw invalid({ requests: ['The requests field is required.'] });
  if (value.length > MOST_ITEMS) {
    throw invalid({ requests: [`The requests must not have more than ${MOST_ITEMS} items.`] });
  }
  const errors: Record<string, string[]> = {};
  const items = value as Item[];
  for (const [index, item] of items.entries()) {
    if (!METHODS.includes(item.method)) {
      errors[`requests.${index}.method`] = [`The selected requests.${index}.method is invalid.`];
    }
    const path = typeof item.path === 'string' ? trimmed(item.path) : '';
    if (!path.startsWith('api/') || path.startsWith('api/webhooks')) {
      errors[`requests.${index}.path`] = [`The selected requests.${index}.path is invalid.`];
    }
  }
  if (Object.keys(errors).length > 0) throw invalid(errors);
  return items;
}

function trimmed(path: string): string {
  return path.replace(/^\//, '');
}

/** An item as a request of its own; the body of a GET becomes its query. */
function questionOf(batch: Question, item: Item): Question {
  const origin = new URL(batch.absolutePath).origin;
  const url = new URL(`/${trimmed(item.path)}`, origin);
  const body = item.body ?? {};
  if (item.method === 'GET') addToQuery(url.searchParams, body);
  return {
    account: batch.account,
    method: item.method,
    path: url.pathname.replace(/^\/api/, ''),
    absolutePath: origin + url.pathname,
    query: url.searchParams,
    body: item.method === 'GET' ? {} : body,
  };
}

function addToQuery(query: URLSearchParams, body: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(body)) {
    if (typeof value === 'object' && value !== null) {
      for (const [inner, text] of Object.entries(value)) query.set(`${key}[${inner}]`, String(text));
    } else query.set(key, String(value));
  }
}
