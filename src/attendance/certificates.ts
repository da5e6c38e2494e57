import { and, desc, eq, isNull, sql } from 'drizzle-orm';
import { rows, type Tx } from '../db/open.ts';
import { certificates } from '../db/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { ConvenorError, invalidInput, notFound } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { findMeeting } from '../meetings/meetings.ts';
import { recordAudit, type Actor } from '../organisation/audit.ts';
import { queueServiceMail } from '../organisation/service-mails.ts';
import type { Settings } from '../organisation/settings.ts';
import { newCheckCode, parseCheckCode } from './check-code.ts';
import { readFollowUp } from './follow-ups.ts';
import { readSession } from './lists.ts';
import { sessionSeconds } from './merge.ts';

export type Certificate = typeof certificates.$inferSelect;

type IssueSettings = Pick<Settings, 'certificateShare' | 'organisationName' | 'groupName'>;

interface Context {
  readonly clock: Clock;
  readonly actor: Actor;
}

/** Somebody who may get a certificate. */
export interface Candidate {
  readonly attendanceId: string;
  readonly subscriberId: string;
  readonly name: string;
  readonly minutes: number;
  /** Known by address alone, for the whole of the time that counts: may get it without an administrator. */
  readonly proven: boolean;
}

/**
 * Who was there for the set share of a meeting and has no certificate of it yet. A guest, and somebody of whom
 * only the name fits, is never among them: `matched_by` is an address, an answer to the invitation, or a person's
 * word.
 */
export async function certificateCandidates(
  tx: Tx,
  meetingId: string,
  { certificateShare }: Pick<Settings, 'certificateShare'>,
): Promise<Candidate[]> {
  const needed = (sessionSeconds(await readSession(tx, meetingId)) * certificateShare) / 100;
  const found = await rows<Candidate>(
    tx,
    sql`select a.id as "attendanceId", a.subscriber_id as "subscriberId",
        coalesce(nullif(trim(s.name), ''), a.names[1]) as name, (a.seconds / 60)::int as minutes,
        (a.matched_by = 'email' and a.proven_seconds >= ${needed}::float8) as proven
      from attendances a join subscribers s on s.id = a.subscriber_id
      where a.meeting_id = ${meetingId} and a.matched_by in ('email', 'rsvp', 'person')
        and a.seconds >= ${needed}::float8 and a.seconds >= 60
        and not exists (
          select 1 from certificates c
          where c.meeting_id = a.meeting_id and c.subscriber_id = a.subscriber_id and c.revoked_at is null
        )
      order by name, a.id`,
  );
  return found.filter(({ name }) => name !== null && name !== '');
}

/**
 * Issues certificates and queues the mails that bring them. Doing it twice issues nothing twice.
 *
 * @param who the candidates to serve: all, some by `attendanceId`, or only those who are `proven`, by the machine.
 * @throws ConvenorError `not_found`.
 */
export async function issueCertificates(
  tx: Tx,
  { meetingId, who }: { meetingId: string; who: 'all' | 'proven' | readonly string[] },
  settings: IssueSettings,
  { clock, actor }: Context,
): Promise<Certificate[]> {
  return tx.transaction(async (inner) => {
    const now = clock.now();
    const meeting = await findMeeting(inner, meetingId);
    const { learningAims } = await readFollowUp(inner, meetingId);
    const candidates = (await certificateCandidates(inner, meetingId, settings)).filter(
      ({ attendanceId, proven }) =>
        typeof who === 'string' ? who === 'all' || proven : who.includes(attendanceId),
    );
    const issued: Certificate[] = [];
    for (const { subscriberId, name, minutes } of candidates) {
      const [certificate] = await inner
        .insert(certificates)
        .values({
          id: newId(now),
          meetingId,
          subscriberId,
          checkCode: newCheckCode(),
          name,
          title: meeting.title,
          heldAt: meeting.startsAt,
          zone: meeting.zone,
          minutes,
          learningAims,
          organisation: settings.organisationName,
          groupName: settings.groupName,
          issuedAt: now,
          issuedBy: actor,
        })
        .onConflictDoNothing()
        .returning();
      if (!certificate) continue;
      issued.push(certificate);
      await queueServiceMail(
        inner,
        {
          kind: 'certificate',
          to: { kind: 'subscriber', subscriberId },
          data: { certificateId: certificate.id },
          dedupeKey: `certificate:${certificate.id}`,
        },
        { clock },
      );
    }
    if (issued.length > 0) {
      const after = { certificates: issued.map(({ id }) => id) };
      await recordAudit(
        inner,
        { actor, action: 'certificates.issued', subject: meetingId, after },
        { clock },
      );
    }
    return issued;
  });
}

/**
 * Takes a certificate back: its check page says so from now on. Another may be issued afterwards.
 *
 * @param reason for the administrators' records; the check page does not show it.
 * @throws ConvenorError `invalid_input` without a reason; `not_found`; `wrong_state` when it was revoked before.
 */
export async function revokeCertificate(
  tx: Tx,
  { id, reason }: { id: string; reason: string },
  { clock, actor }: Context,
): Promise<Certificate> {
  const revokeReason = reason.trim();
  if (revokeReason === '') {
    throw invalidInput({ field: 'reason', message: 'must say why the certificate is taken back' });
  }
  return tx.transaction(async (inner) => {
    const [revoked] = await inner
      .update(certificates)
      .set({ revokedAt: clock.now(), revokedBy: actor, revokeReason })
      .where(and(eq(certificates.id, id), isNull(certificates.revokedAt)))
      .returning();
    if (!revoked) {
      await getCertificate(inner, id);
      throw new ConvenorError('wrong_state', 'This certificate has already been taken back.');
    }
    await recordAudit(
      inner,
      { actor, action: 'certificate.revoked', subject: id, after: { reason: revokeReason } },
      { clock },
    );
    return revoked;
  });
}

/** Where anybody can check a certificate. */
export function certificateCheckUrl(baseUrl: string, checkCode: string): string {
  return `${baseUrl}/certificates/${checkCode}`;
}

/** @throws ConvenorError `not_found`. */
export async function getCertificate(tx: Tx, id: string): Promise<Certificate> {
  const [found] = await tx.select().from(certificates).where(eq(certificates.id, id));
  if (!found) throw notFound('certificate', id);
  return found;
}

/** The certificates of a meeting, those taken back included, the newest first. */
export async function listCertificates(tx: Tx, meetingId: string): Promise<Certificate[]> {
  return tx
    .select()
    .from(certificates)
    .where(eq(certificates.meetingId, meetingId))
    .orderBy(desc(certificates.issuedAt), certificates.name);
}

/** What the public check page tells: what the paper says, to compare it with, and nothing besides. */
export type CheckResult =
  | {
      readonly result: 'valid';
      readonly name: string;
      readonly title: string;
      readonly heldAt: Temporal.Instant;
      readonly zone: string;
      readonly minutes: number;
      readonly organisation: string;
      readonly groupName: string;
      readonly issuedAt: Temporal.Instant;
    }
  | { readonly result: 'revoked'; readonly revokedAt: Temporal.Instant }
  | { readonly result: 'unknown' };

/** Looks a check code up, in any spelling that `parseCheckCode` reads. Whoever has the code has the certificate. */
export async function checkCertificate(tx: Tx, code: string): Promise<CheckResult> {
  const checkCode = parseCheckCode(code);
  if (checkCode === undefined) return { result: 'unknown' };
  const [found] = await tx.select().from(certificates).where(eq(certificates.checkCode, checkCode));
  if (!found) return { result: 'unknown' };
  if (found.revokedAt) return { result: 'revoked', revokedAt: found.revokedAt };
  const { name, title, heldAt, zone, minutes, organisation, groupName, issuedAt } = found;
  return { result: 'valid', name, title, heldAt, zone, minutes, organisation, groupName, issuedAt };
}
