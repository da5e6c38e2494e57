import { createHmac, createSecretKey, hkdfSync, timingSafeEqual, type KeyObject } from 'node:crypto';
import { systemClock, type Clock } from '../kernel/clock.ts';

/**
 * The links in mails that work without signing in. A token says for whom and for what it is, signed with a key
 * of its purpose; it holds no address. Links to leave the list never expire, since mails are kept for years;
 * a link that lets somebody in or shows a whole record does.
 */
const PATHS = {
  unsubscribe: '/u',
  preferences: '/preferences',
  confirm: '/join/confirm',
  invite: '/join',
  record: '/my-record',
  confirmItem: '/hand-in/confirm',
  ownItem: '/hand-in/mine',
  moderateItem: '/noticeboard/review',
  rsvp: '/rsvp',
} as const;

export type LinkPurpose = keyof typeof PATHS;

/** What a token says. `id` is a subscriber, for `confirm` a request to join, for the three about items an item. */
export type TokenReading =
  | { readonly result: 'valid'; readonly id: string; readonly deliveryId?: string; readonly adminId?: string }
  | { readonly result: 'expired'; readonly id: string }
  | { readonly result: 'forged' };

export interface Links {
  /** Page with a button; the same address takes the one-click POST (RFC 8058). */
  unsubscribeUrl(subscriberId: string, deliveryId?: string): string;
  /** For the List-Unsubscribe header. */
  oneClickUrl(subscriberId: string, deliveryId?: string): string;
  preferencesUrl(subscriberId: string): string;
  confirmUrl(joinRequestId: string, expiresAt: Temporal.Instant): string;
  inviteUrl(subscriberId: string, expiresAt: Temporal.Instant): string;
  /** Shows everything that is kept about a person. */
  recordUrl(subscriberId: string, expiresAt: Temporal.Instant): string;
  /** For whoever handed an item in, to say that the address is theirs. */
  confirmItemUrl(itemId: string, expiresAt: Temporal.Instant): string;
  /** For whoever handed an item in, to answer a question or take it down. */
  ownItemUrl(itemId: string, expiresAt: Temporal.Instant): string;
  /** For one administrator, to decide about an item. */
  moderateItemUrl(itemId: string, adminId: string, expiresAt: Temporal.Instant): string;
  /** Base of the answers to invitations; `/<meeting>?answer=yes` follows. */
  rsvpUrl(subscriberId: string): string;
  /** Checks a token in constant time. A token of another purpose is forged. */
  readToken(purpose: LinkPurpose, token: string): TokenReading;
}

const SIGNATURE_BYTES = 16;
const ID_BYTES = 16;
const EXPIRY_BYTES = 4;
/** First byte of a token: which parts follow. */
const WITH_DELIVERY = 1;
const WITH_EXPIRY = 2;
const WITH_ADMIN = 4;

/** @param baseUrl public address of the server, without a slash at its end. */
export function createLinks({
  secretKey,
  baseUrl,
  clock = systemClock,
}: {
  secretKey: string;
  baseUrl: string;
  clock?: Clock;
}): Links {
  const keys = new Map<LinkPurpose, KeyObject>(
    (Object.keys(PATHS) as LinkPurpose[]).map((purpose) => [
      purpose,
      createSecretKey(new Uint8Array(hkdfSync('sha256', secretKey, 'convenor', `link ${purpose}`, 32))),
    ]),
  );

  /** Signs what stands before the last bytes of a token, and writes the signature there. */
  function sign(purpose: LinkPurpose, token: Buffer): void {
    const end = token.length - SIGNATURE_BYTES;
    const digest = createHmac('sha256', keys.get(purpose)!).update(token.subarray(0, end)).digest('binary');
    token.write(digest, end, SIGNATURE_BYTES, 'binary');
  }

  function url(
    purpose: LinkPurpose,
    id: string,
    more: { deliveryId?: string | undefined; adminId?: string; expiresAt?: Temporal.Instant } = {},
  ): string {
    const { deliveryId, adminId, expiresAt } = more;
    const parts =
      (deliveryId === undefined ? 0 : WITH_DELIVERY) |
      (expiresAt === undefined ? 0 : WITH_EXPIRY) |
      (adminId === undefined ? 0 : WITH_ADMIN);
    const ids = [id, deliveryId, adminId].filter((part) => part !== undefined);
    const token = Buffer.alloc(
      1 + ids.length * ID_BYTES + (expiresAt === undefined ? 0 : EXPIRY_BYTES) + SIGNATURE_BYTES,
    );
    let end = token.writeUInt8(parts);
    for (const part of ids) end = writeUuid(token, part, end);
    if (expiresAt !== undefined) token.writeUInt32BE(Math.floor(expiresAt.epochMilliseconds / 1000), end);
    sign(purpose, token);
    return `${baseUrl}${PATHS[purpose]}/${token.toString('base64url')}`;
  }

  function readToken(purpose: LinkPurpose, token: string): TokenReading {
    const bytes = Buffer.from(token, 'base64url');
    const payload = bytes.subarray(0, -SIGNATURE_BYTES);
    if (payload.length < 1 + ID_BYTES || bytes.toString('base64url') !== token) return { result: 'forged' };
    const signed = Buffer.from(bytes);
    sign(purpose, signed);
    if (!timingSafeEqual(bytes, signed)) return { result: 'forged' };
    const parts = payload[0]!;
    const id = uuidText(payload.subarray(1, 1 + ID_BYTES));
    let rest = payload.subarray(1 + ID_BYTES);
    const nextId = (): string => {
      const text = uuidText(rest.subarray(0, ID_BYTES));
      rest = rest.subarray(ID_BYTES);
      return text;
    };
    const deliveryId = parts & WITH_DELIVERY ? nextId() : undefined;
    const adminId = parts & WITH_ADMIN ? nextId() : undefined;
    if (parts & WITH_EXPIRY && rest.readUInt32BE() * 1000 <= clock.now().epochMilliseconds) {
      return { result: 'expired', id };
    }
    return {
      result: 'valid',
      id,
      ...(deliveryId === undefined ? {} : { deliveryId }),
      ...(adminId === undefined ? {} : { adminId }),
    };
  }

  return {
    unsubscribeUrl: (id, deliveryId) => url('unsubscribe', id, { deliveryId }),
    oneClickUrl: (id, deliveryId) => url('unsubscribe', id, { deliveryId }),
    preferencesUrl: (id) => url('preferences', id),
    confirmUrl: (id, expiresAt) => url('confirm', id, { expiresAt }),
    inviteUrl: (id, expiresAt) => url('invite', id, { expiresAt }),
    recordUrl: (id, expiresAt) => url('record', id, { expiresAt }),
    confirmItemUrl: (id, expiresAt) => url('confirmItem', id, { expiresAt }),
    ownItemUrl: (id, expiresAt) => url('ownItem', id, { expiresAt }),
    moderateItemUrl: (id, adminId, expiresAt) => url('moderateItem', id, { adminId, expiresAt }),
    rsvpUrl: (id) => url('rsvp', id),
    readToken,
  };
}

/** @returns where it ends. */
function writeUuid(bytes: Buffer, id: string, at: number): number {
  if (bytes.write(id.replaceAll('-', ''), at, ID_BYTES, 'hex') !== ID_BYTES)
    throw new Error('a link needs a UUID');
  return at + ID_BYTES;
}

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
