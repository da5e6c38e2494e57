import { draftMeetingNote } from '../../announcements/meeting-note.ts';
import { parseFollowUp, readFollowUp, saveFollowUp, surveyResult } from '../../attendance/follow-ups.ts';
import { findMeeting } from '../../meetings/meetings.ts';
import { acting } from '../acting.ts';
import { field, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { meetingWhen } from '../views.ts';
import { counted } from '../words.ts';

type ById = { Params: { id: string } };

const FIELDS = ['learningAims', 'slidesUrl', 'recordingUrl', 'note'] as const;

const LABELS = {
  learningAims: 'Learning aims',
  slidesUrl: 'Link to the slides',
  recordingUrl: 'Link to the recording',
  note: 'A few words',
};

/** What belongs to a meeting after it: what people learned, slides and recording, the mail to those who came, its survey. */
export const afterMeetingPages = routes({ name: 'after', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, config } = app.deps;

  app.get<ById>('/admin/meetings/:id/after', async (request, reply) => {
    const { slidesUrl, recordingUrl, ...texts } = await readFollowUp(db, request.params.id);
    const form = freshForm({ ...texts, slidesUrl: slidesUrl ?? '', recordingUrl: recordingUrl ?? '' });
    return reply.page('admin/after-meeting', await model(request.params.id, form));
  });

  app.post<ById>('/admin/meetings/:id/after', async (request, reply) => {
    const context = await acting(request);
    const { id } = request.params;
    const values = Object.fromEntries(FIELDS.map((name) => [name, field(request, name)]));
    try {
      const followUp = parseFollowUp(values);
      await saveFollowUp(db, id, followUp, context);
      if (field(request, 'act') !== 'draft') {
        flash(request, 'good', 'Saved.');
        return await reply.redirect(`/admin/meetings/${id}/after`, 303);
      }
      const { announcement } = await draftMeetingNote(
        db,
        { meetingId: id, note: followUp },
        { ...context, zone: context.settings.timeZone, baseUrl: config.BASE_URL },
      );
      flash(request, 'good', 'The mail is drafted. Read it, change it, and approve it when it is right.');
      return await reply.redirect(`/admin/announcements/${announcement.id}`, 303);
    } catch (error) {
      const form = rejectedForm(values, error, LABELS);
      return reply.code(422).page('admin/after-meeting', await model(id, form));
    }
  });

  async function model(id: string, form: FormModel) {
    const meeting = await findMeeting(db, id);
    const survey = await surveyResult(db, id);
    return {
      title: 'After the meeting',
      section: 'meetings',
      back: { href: `/admin/meetings/${id}`, label: meeting.title },
      lead: meetingWhen(meeting),
      meeting: { id, hasBegun: Temporal.Instant.compare(meeting.startsAt, clock.now()) <= 0 },
      surveyUrl: `${config.BASE_URL}/m/${id}/survey`,
      survey: {
        count: survey.answers === 0 ? undefined : counted(survey.answers, 'answer'),
        usefulness: survey.usefulness,
        wishes: survey.wishes,
      },
      form,
    };
  }
});
