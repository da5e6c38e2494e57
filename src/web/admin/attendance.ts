import { certificateCandidates, listCertificates } from '../../attendance/certificates.ts';
import { confirmAttendee, unconfirmAttendee } from '../../attendance/confirm.ts';
import { readFollowUp } from '../../attendance/follow-ups.ts';
import { askForList, takeListFromFile } from '../../attendance/lists.ts';
import { attendanceReport, type AttendanceLine, type AttendanceReport } from '../../attendance/report.ts';
import { formatDateTime, formatDuration } from '../../calendar/format.ts';
import { parseZone } from '../../calendar/wall.ts';
import { invalidInput } from '../../kernel/errors.ts';
import { findMeeting } from '../../meetings/meetings.ts';
import { readSettings } from '../../organisation/settings.ts';
import { isRoomAtZoom } from '../../rooms/view.ts';
import { findSubscriber } from '../../subscribers/subscribers.ts';
import { acting } from '../acting.ts';
import { csv } from '../csv.ts';
import { field, fileField, freshForm, isAboutInput, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { meetingWhen } from '../views.ts';
import { counted, people } from '../words.ts';
import { certificateRow } from './certificates.ts';

type ById = { Params: { id: string } };

const LABELS = { file: 'The file', zone: 'Time zone:' };

const MATCH_WORDS: Readonly<Record<'email' | 'rsvp' | 'person', string>> = {
  email: 'by e-mail address',
  rsvp: 'by answer and name',
  person: 'you said so',
};

/** Who came to a meeting: taking the list, saying who somebody is, and what certificates may be issued. */
export const attendancePages = routes({ name: 'attendance', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, nudge, zoomStartLink } = app.deps;

  app.get<ById>('/admin/meetings/:id/attendance', async (request, reply) => {
    const { id } = request.params;
    return reply.page(
      'admin/attendance',
      await model(id, freshForm({ zone: (await findMeeting(db, id)).zone })),
    );
  });

  app.get<ById>('/admin/meetings/:id/attendance.csv', async (request, reply) => {
    const { known, guests } = await attendanceReport(db, request.params.id);
    return csv(
      reply,
      'attendance.csv',
      ['name', 'on the list', 'minutes', 'share of the meeting', 'joined', 'by telephone', 'certificate'],
      [...known, ...guests].map((line) => [
        line.name,
        yesNo(line.subscriberId !== null),
        String(line.minutes),
        `${line.share}%`,
        counted(line.joins, 'time'),
        yesNo(line.byPhone),
        yesNo(line.certificateId !== null),
      ]),
    );
  });

  app.post<ById>('/admin/meetings/:id/attendance/fetch', async (request, reply) => {
    const { id } = request.params;
    await askForList(db, id, await acting(request));
    await nudge();
    flash(request, 'info', 'Zoom is asked for the list. Load this page again in a minute.');
    return reply.redirect(back(id), 303);
  });

  app.post<ById>('/admin/meetings/:id/attendance/file', async (request, reply) => {
    const context = await acting(request);
    const { id } = request.params;
    const zone = field(request, 'zone');
    try {
      const file = fileField(request, 'file');
      if (file === undefined) throw invalidInput({ field: 'file', message: 'must be chosen' });
      const taken = await takeListFromFile(
        db,
        id,
        { bytes: file.bytes, ...(zone === '' ? {} : { zone: parseZone(zone) }) },
        context,
      );
      const { skipped } = taken;
      const left =
        skipped.length === 0
          ? ''
          : ` ${counted(skipped.length, 'line')} could not be used: line ${skipped[0]!.line} ${skipped[0]!.reason}${skipped.length > 1 ? ', and others' : ''}.`;
      flash(
        request,
        skipped.length === 0 ? 'good' : 'warn',
        `${people(taken.people)}, ${taken.matched} of them known.${left}`,
      );
      return await reply.redirect(back(id), 303);
    } catch (error) {
      if (!isAboutInput(error)) throw error;
      return reply.code(422).page('admin/attendance', await model(id, rejectedForm({ zone }, error, LABELS)));
    }
  });

  app.post<ById>('/admin/meetings/:id/attendance/confirm', async (request, reply) => {
    const context = await acting(request);
    const { id } = request.params;
    const wanted = field(request, 'person');
    const attendanceId = field(request, 'attendance');
    const name = `person-${attendanceId}`;
    try {
      const person = wanted === '' ? undefined : await findSubscriber(db, wanted);
      if (person === undefined) {
        throw invalidInput({ field: name, message: 'must be the address of somebody on the list' });
      }
      await confirmAttendee(db, { attendanceId, subscriberId: person.id }, context);
      flash(request, 'good', `${person.name ?? 'The person'} is noted as having been there.`);
    } catch (error) {
      if (!isAboutInput(error)) throw error;
      const { zone } = await findMeeting(db, id);
      const form = rejectedForm({ zone, [name]: wanted }, error, { [name]: 'The address' });
      return reply.code(422).page('admin/attendance', await model(id, form));
    }
    return reply.redirect(back(id), 303);
  });

  app.post<ById>('/admin/meetings/:id/attendance/unconfirm', async (request, reply) => {
    const { id } = request.params;
    await unconfirmAttendee(db, field(request, 'attendance'), await acting(request));
    flash(request, 'info', 'Taken back. The person is a guest again, with the same minutes.');
    return reply.redirect(back(id), 303);
  });

  async function model(id: string, form: FormModel) {
    const meeting = await findMeeting(db, id);
    const { certificateShare, certificatesAutomatic } = await readSettings(db);
    const report = await attendanceReport(db, id);
    const candidates = await certificateCandidates(db, id, { certificateShare });
    const { learningAims } = await readFollowUp(db, id);
    return {
      title: 'Who came',
      section: 'meetings',
      back: { href: `/admin/meetings/${id}`, label: meeting.title },
      lead: meetingWhen(meeting),
      meeting: { id, hasBegun: Temporal.Instant.compare(meeting.startsAt, clock.now()) <= 0 },
      canFetch: zoomStartLink !== undefined && (await isRoomAtZoom(db, meeting)),
      form,
      report: reportView(report, meeting.zone, form),
      share: certificateShare,
      needed: formatDuration(Math.max(1, Math.ceil((report.sessionMinutes * certificateShare) / 100))),
      automatic: certificatesAutomatic,
      aims: learningAims.split('\n').filter((line) => line.trim() !== ''),
      candidates: candidates.map((candidate) => ({
        ...candidate,
        length: formatDuration(candidate.minutes),
      })),
      certificates: (await listCertificates(db, id)).map(certificateRow),
    };
  }
});

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

function back(id: string): string {
  return `/admin/meetings/${id}/attendance`;
}

function reportView(report: AttendanceReport, zone: string, form: FormModel) {
  const guests = report.guests.map((line) => ({
    ...lineView(line),
    typed: form.values[`person-${line.id}`],
    error: form.errors[`person-${line.id}`],
  }));
  return {
    isTaken: report.list === 'taken',
    source:
      report.takenAt === null
        ? undefined
        : `${report.source === 'zoom' ? 'Taken from Zoom' : 'From the file that was uploaded'} on ${formatDateTime(report.takenAt, zone)}.`,
    problem: report.problem ?? undefined,
    session: formatDuration(Math.max(1, report.sessionMinutes)),
    answers: report.answers,
    counts: { known: report.known.length, guests: report.guests.length },
    known: report.known.map(lineView),
    toConfirm: guests.filter(({ suggestion }) => suggestion !== undefined),
    guests,
  };
}

function lineView(line: AttendanceLine) {
  return {
    id: line.id,
    name: line.name,
    others: line.otherNames.length === 0 ? undefined : line.otherNames.join(', '),
    href: line.subscriberId === null ? undefined : `/admin/subscribers/${line.subscriberId}`,
    how: line.matchedBy === null ? undefined : MATCH_WORDS[line.matchedBy],
    canUndo: line.matchedBy === 'person' || line.matchedBy === 'rsvp',
    minutes: line.minutes === 0 ? 'waiting room only' : counted(line.minutes, 'minute'),
    share: `${line.share}%`,
    joins: line.joins > 1 ? `came in ${line.joins} times` : undefined,
    byPhone: line.byPhone,
    suggestion:
      line.suggestion === null
        ? undefined
        : { id: line.suggestion.subscriberId, name: line.suggestion.name ?? 'somebody on the list' },
    certificate: line.certificateId !== null,
  };
}
