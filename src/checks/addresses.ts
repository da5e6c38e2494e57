import type { Finding } from '../kernel/finding.ts';

/** Names that are kept for examples and tests (RFC 2606 and 6761), and those of this machine. */
const NOWHERE = /(?:^|\.)(?:example(?:\.(?:com|net|org))?|invalid|test|localhost|local|internal)$/i;

/** Networks that nobody outside reaches (RFC 1918, 3927, 4193, 6598), and this machine. */
const PRIVATE =
  /^(?:127\.|10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|0\.|\[::1?\]|\[f[cd]|\[fe80)/i;

/** Whether an address lies on the public internet, as far as its text tells. */
export function isPublicAddress(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return (
    /^https?:$/.test(protocol) && hostname.includes('.') && !NOWHERE.test(hostname) && !PRIVATE.test(hostname)
  );
}

/** What is wrong with the address of a link or picture, if anything. */
export function addressFault(url: string, baseUrl: string): Pick<Finding, 'level' | 'message'> | undefined {
  if (url === '' || url === '#') return { level: 'error', message: 'A link has no address.' };
  if (/^mailto:/i.test(url)) {
    return /^mailto:[^@\s]+@[^@\s]+\.[^@\s]+$/i.test(url)
      ? undefined
      : { level: 'error', message: `"${url}" is no e-mail address.` };
  }
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    return {
      level: 'error',
      message: `"${url}" is no web address; write it whole, beginning with https://.`,
    };
  }
  if (url === baseUrl || url.startsWith(`${baseUrl}/`)) return undefined;
  if (!isPublicAddress(url)) {
    return { level: 'error', message: `"${url}" leads nowhere that readers can go.` };
  }
  if (/^http:/i.test(url)) {
    return { level: 'warning', message: `"${url}" is not encrypted; use https:// if the site has it.` };
  }
  return undefined;
}
