import { ConvenorError } from '../kernel/errors.ts';
import type { Settings } from './settings.ts';

/** Who mail comes from. */
export interface SenderIdentity {
  readonly from: { readonly name: string; readonly address: string };
  /** Right-hand side of Message-IDs; also the end of the List-Id. */
  readonly domain: string;
  /** The List-Id header (RFC 2919): the group's name and a label that stays the same. */
  readonly listId: string;
}

/**
 * The sender from `MAIL_FROM`, or from the settings where it is not set: the contact address under the name of the
 * group.
 *
 * @throws ConvenorError `invalid_config` when neither is set.
 */
export function senderIdentity(
  settings: Pick<Settings, 'groupName' | 'contactEmail' | 'listDomain'>,
  mailFrom: string | undefined,
): SenderIdentity {
  const match = /^(?:\s*"?([^"<]*?)"?\s*<([^<>]+)>|([^<>]+))$/.exec(mailFrom ?? settings.contactEmail);
  const address = (match?.[2] ?? match?.[3] ?? '').trim();
  const domain = settings.listDomain || address.slice(address.indexOf('@') + 1);
  if (!address.includes('@')) {
    throw new ConvenorError(
      'invalid_config',
      'There is no sender for mail yet. Set the contact address on the settings page, or MAIL_FROM.',
    );
  }
  return {
    from: { name: match?.[1] || settings.groupName, address },
    domain,
    listId: `${settings.groupName} <announcements.${domain}>`,
  };
}
