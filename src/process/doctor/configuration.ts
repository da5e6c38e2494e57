import type { Finding } from '../../cli/host.ts';
import { loadConfig, type Config } from '../../config/load.ts';
import { ConvenorError } from '../../kernel/errors.ts';

/** The configuration, or one finding for each setting that is wrong. */
export function configurationFindings(environment: Readonly<Record<string, string | undefined>>): {
  readonly config?: Config;
  readonly findings: readonly Finding[];
} {
  try {
    const config = loadConfig(environment);
    return {
      config,
      findings: [
        { check: 'Configuration', state: 'ok', detail: 'every setting is understood' },
        ...doubts(config),
      ],
    };
  } catch (error) {
    if (!(error instanceof ConvenorError)) throw error;
    return {
      findings: error.problems.map(({ field, message }) => ({
        check: 'Configuration',
        state: 'problem',
        detail: `${field} ${message}`,
        advice: `Correct ${field} in the environment, then start Convenor again.`,
      })),
    };
  }
}

/** Settings that are each right and together most likely not what is meant. */
function doubts(config: Config): Finding[] {
  const found: Finding[] = [];
  const { hostname, protocol } = new URL(config.BASE_URL);
  if (config.SMTP_URL !== undefined && ['localhost', '127.0.0.1', '[::1]'].includes(hostname)) {
    found.push({
      check: 'Public address',
      state: 'problem',
      detail: `every link in a mail begins with ${config.BASE_URL}, which only this machine can open`,
      advice: 'Set BASE_URL to the address at which people reach this server.',
    });
  } else if (config.SMTP_URL !== undefined && protocol !== 'https:') {
    found.push({
      check: 'Public address',
      state: 'warning',
      detail: `${config.BASE_URL} is not encrypted, and mail programs offer one-click unsubscribe over https only`,
      advice: 'Put a server with a certificate in front and set BASE_URL to its https address.',
    });
  }
  if (config.DATABASE_URL !== undefined && config.SECRET_KEY === undefined) {
    found.push({
      check: 'Secret key',
      state: 'warning',
      detail: 'it is kept in the data folder of this machine',
      advice:
        'Set SECRET_KEY to one value on every machine, or links in mails fail where another key is used.',
    });
  }
  return found;
}
