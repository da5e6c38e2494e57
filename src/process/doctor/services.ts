import { NODATA, NOTFOUND, resolveTxt as resolveTxtByDns } from 'node:dns/promises';
import type { Finding } from '../../cli/host.ts';
import type { Config } from '../../config/load.ts';
import { systemClock } from '../../kernel/clock.ts';
import { createLog } from '../../kernel/log.ts';
import { templatesFolder } from '../../kernel/paths.ts';
import { checkDkimKey, type DkimKeyCheck, type DkimOptions } from '../../mail/dkim.ts';
import type { Mailer } from '../../mail/types.ts';
import { createMailerLiteClient, type MailerLiteClient } from '../../mailerlite/client.ts';
import { faultsOf } from '../../mailerlite/webhooks.ts';
import type { Renderer } from '../../render/renderer.ts';
import { mailSamples } from '../../render/samples.ts';
import { dkimKeys } from '../dkim-keys.ts';
import { createZoomClient, type ZoomClient } from '../../zoom/client.ts';
import { createMemoryTokenCache } from '../../zoom/token-cache.ts';

/** Whether mail could be sent at this moment. */
export async function mailFinding(mailer: Mailer): Promise<Finding> {
  const { ok, detail } = await mailer.check();
  const finding = { check: 'Mail', detail };
  if (!ok) return { ...finding, state: 'problem', advice: 'Correct SMTP_URL, or ask the mail provider.' };
  if (mailer.kind === 'smtp') return { ...finding, state: 'ok' };
  return {
    check: 'Mail',
    state: 'warning',
    detail: 'every mail is kept in the outbox and none is sent',
    advice: 'Set SMTP_URL and MAIL_FROM to send mail.',
  };
}

/**
 * Whether receivers can verify the signatures, the first fault that there is. See `dkimKeyFinding`.
 */
export async function dkimFinding(
  config: Config,
  resolveTxt: (name: string) => Promise<string[][]> = resolveTxtByDns,
): Promise<Finding> {
  const check = 'DKIM';
  const keys = dkimKeys(config);
  if (keys.length === 0) return { check, state: 'ok', detail: 'off: signing is left to the mail server' };
  const findings: Finding[] = [];
  for (const key of keys) findings.push(await dkimKeyFinding(key, resolveTxt));
  const fault = findings.find(({ state }) => state !== 'ok');
  return fault ?? { check, state: 'ok', detail: findings.map(({ detail }) => detail).join('; ') };
}

/**
 * Whether receivers can verify the signature with one key: the key that is published must be the one that signs.
 *
 * @param resolveTxt looks TXT records up, each in its parts.
 */
async function dkimKeyFinding(
  options: DkimOptions,
  resolveTxt: (name: string) => Promise<string[][]>,
): Promise<Finding> {
  const check = 'DKIM';
  let key: DkimKeyCheck;
  try {
    key = checkDkimKey(options);
  } catch (error) {
    return { check, state: 'problem', detail: 'the key cannot sign', advice: reasonOf(error) };
  }
  const { name, value } = key.record;
  const publish = `Publish this TXT record at ${name}: ${value}`;
  let published: string[];
  try {
    published = (await resolveTxt(name)).map((parts) => parts.join(''));
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === NOTFOUND || error.code === NODATA)) {
      return { check, state: 'problem', detail: `there is no TXT record at ${name}`, advice: publish };
    }
    return {
      check,
      state: 'warning',
      detail: `${name} cannot be looked up at this moment`,
      advice: 'Check that this machine can resolve names, then run the doctor again.',
    };
  }
  const size = options.algorithm === 'ed25519' ? 'an Ed25519 key' : `${key.bits} bits`;
  if (published.some((record) => publicKeyIn(record) === publicKeyIn(value))) {
    return {
      check,
      state: 'ok',
      detail: `mails are signed for ${options.domain} with ${size}, and the key is published`,
    };
  }
  return { check, state: 'problem', detail: `the key at ${name} is not the one that signs`, advice: publish };
}

function publicKeyIn(record: string): string | undefined {
  return /(?:^|;)\s*p\s*=([^;]*)/.exec(record)?.[1]?.replace(/\s/g, '');
}

/** Whether every mail can be made from its templates, the organisation's own among them. */
export function templatesFinding(renderer: Renderer): Finding {
  const check = 'Templates';
  try {
    for (const { kind, model } of mailSamples(templatesFolder)) renderer.mail(kind, model);
    return { check, state: 'ok', detail: 'every mail can be made' };
  } catch (error) {
    return {
      check,
      state: 'problem',
      detail: reasonOf(error),
      advice: 'Correct the file, or remove it to have ours back.',
    };
  }
}

/** Whether the key is accepted, and whether MailerLite reports changes here. */
export async function mailerliteFinding(
  config: Config,
  client: MailerLiteClient | undefined = ownMailerLite(config),
): Promise<Finding> {
  const check = 'MailerLite';
  if (client === undefined) return { check, state: 'ok', detail: 'off: no MAILERLITE_API_KEY is set' };
  const url = `${config.BASE_URL}/hooks/mailerlite`;
  const late = 'until then who leaves there is known here only after the nightly comparison.';
  try {
    const webhook = (await client.listWebhooks()).find((each) => each.url === url);
    if (webhook === undefined) {
      return {
        check,
        state: 'warning',
        detail: 'the key is accepted, but MailerLite does not report changes to this server',
        advice: `Register the webhook on the page of the synchronisation; ${late}`,
      };
    }
    const faults = faultsOf(webhook);
    if (faults.length === 0)
      return { check, state: 'ok', detail: 'the key is accepted and the webhook works' };
    return {
      check,
      state: 'warning',
      detail: faults.join(' '),
      advice: `Register the webhook again; ${late}`,
    };
  } catch (error) {
    return {
      check,
      state: 'problem',
      detail: reasonOf(error),
      advice: 'Check MAILERLITE_API_KEY and the way to MailerLite.',
    };
  }
}

/** A client of our own does one look without a share in the budget that the workers keep in Redis. */
function ownMailerLite(config: Config): MailerLiteClient | undefined {
  if (config.MAILERLITE_API_KEY === undefined) return undefined;
  return createMailerLiteClient({
    apiKey: config.MAILERLITE_API_KEY,
    baseUrl: config.MAILERLITE_API_URL,
    pace: { acquire: () => Promise.resolve(), block: () => Promise.resolve() },
    log: createLog('silent'),
  });
}

/** Whether Zoom accepts the credentials and knows the host. */
export async function zoomFinding(
  config: Config,
  host: string,
  client: ZoomClient | undefined = ownZoom(config),
): Promise<Finding> {
  const check = 'Zoom';
  if (client === undefined) return { check, state: 'ok', detail: 'off: meeting links are pasted' };
  if (host === '') {
    return {
      check,
      state: 'warning',
      detail: 'an account is set, but nobody to host the meetings',
      advice: 'Set zoomHost to the address of a person of your Zoom account.',
    };
  }
  try {
    const { active, licensed } = await client.checkHost(host);
    if (!active) {
      return {
        check,
        state: 'problem',
        detail: 'the host’s account is not active',
        advice: 'Activate it, or set zoomHost to another person.',
      };
    }
    const state = licensed ? 'ok' : 'warning';
    return {
      check,
      state,
      detail: licensed
        ? 'the credentials are accepted and the host may hold meetings'
        : 'the host has no licence: meetings end after 40 minutes',
      ...(licensed
        ? {}
        : { advice: 'Give the host a licence at Zoom, or set zoomHost to somebody who has one.' }),
    };
  } catch (error) {
    return {
      check,
      state: 'problem',
      detail: reasonOf(error),
      advice: 'Check ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID, ZOOM_CLIENT_SECRET and zoomHost.',
    };
  }
}

function ownZoom(config: Config): ZoomClient | undefined {
  const { ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID, ZOOM_CLIENT_SECRET, ZOOM_API_URL, ZOOM_OAUTH_URL } = config;
  if (ZOOM_ACCOUNT_ID === undefined || ZOOM_CLIENT_ID === undefined || ZOOM_CLIENT_SECRET === undefined)
    return undefined;
  return createZoomClient({
    account: {
      accountId: ZOOM_ACCOUNT_ID,
      clientId: ZOOM_CLIENT_ID,
      clientSecret: ZOOM_CLIENT_SECRET,
      apiUrl: ZOOM_API_URL,
      oauthUrl: ZOOM_OAUTH_URL,
    },
    tokens: createMemoryTokenCache(systemClock),
    clock: systemClock,
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
