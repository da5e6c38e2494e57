/** The address of a subscriber. The rules are the kernel's, since administrators and the organisation have one too. */
export { parseEmailAddress, type EmailAddress } from '../kernel/email-address.ts';
