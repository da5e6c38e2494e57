import type { Finding } from '../kernel/finding.ts';
import { isPublicAddress } from './addresses.ts';

/** Asks a server for an address and gives the HTTP status; throws when there is no answer. */
export type AskStatus = (url: string, method: 'HEAD' | 'GET', signal: AbortSignal) => Promise<number>;

const TIMEOUT_MS = 8000;
const AT_ONCE = 4;

/** Asks with `fetch`. Redirects are not followed: that there is an answer is enough, and it may lead anywhere. */
export const askByFetch: AskStatus = async (url, method, signal) => {
  const answer = await fetch(url, { method, signal, redirect: 'manual' });
  await answer.body?.cancel();
  return answer.status;
};

/** What stands against an approval while nobody has asked the servers behind the links of a text. */
export const UNASKED = 'links not looked up';

/** A warning, at the first link, that it is not known yet whether the pages are there; none for a text without links. */
export function unaskedLinks(links: readonly { readonly url: string; readonly line: number }[]): Finding[] {
  const first = links.find(({ url }) => isPublicAddress(url));
  if (first === undefined) return [];
  return [
    {
      level: 'warning',
      check: UNASKED,
      line: first.line,
      message:
        'The pages behind the links are still being looked up. Look again in a few seconds, or open them yourself.',
    },
  ];
}

/**
 * Asks the servers behind links whether the pages are there. Addresses that are not on the public internet are left
 * out: nobody else can follow them, and the server must not be led to its own neighbours.
 */
export async function checkLiveLinks(
  links: readonly { readonly url: string; readonly line: number }[],
  ask: AskStatus,
  signal?: AbortSignal,
): Promise<Finding[]> {
  const waiting = links.filter(({ url }) => isPublicAddress(url));
  const findings: (Finding | undefined)[] = Array.from({ length: waiting.length });
  let next = 0;
  const work = async () => {
    while (next < waiting.length && !signal?.aborted) {
      const index = next++;
      findings[index] = await checkOne(waiting[index]!, ask, signal);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return findings.filter((finding) => finding !== undefined);
}

async function checkOne(
  { url, line }: { url: string; line: number },
  ask: AskStatus,
  signal: AbortSignal | undefined,
): Promise<Finding | undefined> {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const either = signal ? AbortSignal.any([signal, limit]) : limit;
  const found = (level: Finding['level'], message: string): Finding => ({
    level,
    check: 'links',
    line,
    message,
  });
  try {
    let status = await ask(url, 'HEAD', either);
    // Some servers do not know HEAD, or answer it differently.
    if (status >= 400) status = await ask(url, 'GET', either);
    if (status === 404 || status === 410) return found('error', `There is no page at ${url} (${status}).`);
    if (status >= 500) return found('warning', `The server of ${url} has trouble at the moment (${status}).`);
    return undefined;
  } catch {
    return found('warning', `${url} gave no answer. Open it yourself to see whether it is right.`);
  }
}
