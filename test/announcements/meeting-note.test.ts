import { eq } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { audienceSize } from '../../src/announcements/audience-of.ts';
import { parseDraftInput } from '../../src/announcements/compose-input.ts';
import { addMeeting, addSeries } from '../../src/announcements/meeting-changes.ts';
import { draftMeetingNote } from '../../src/announcements/meeting-note.ts';
import { announcements, attendances } from '../../src/db/schema.ts';
import { newId } from '../../src/kernel/ids.ts';
import { ManualClock } from '../support/clock.ts';
import { useTestDatabase } from '../support/database.ts';
import { addPeople, monthlySeries, planning, singleMeeting } from '../support/meetings.ts';

const clock = new ManualClock('2027-05-20T12:00:00Z');
const context = { clock, actor: 'admin:test', zone: 'Europe/London', baseUrl: 'https://network.example.org' };
const nothing = { slidesUrl: null, recordingUrl: null, note: '' };
const database = useTestDatabase();

beforeEach(() => {
  clock.set('2027-05-20T12:00:00Z');
});

async function cameTo(meetingId: string, subscriberId: string | null, seconds = 3000): Promise<void> {
  await database.db.insert(attendances).values({
    id: newId(clock.now()),
    meetingId,
    subscriberId,
    matchedBy: subscriberId === null ? null : 'email',
    names: ['Somebody'],
    byPhone: false,
    seconds,
    provenSeconds: seconds,
    joins: 1,
  });
}

describe('the note after a meeting', () => {
  it('is a draft with thanks, what there is to look at, two questions and the next dates', async () => {
    const { meetings } = await addSeries(database.db, monthlySeries(clock), planning(clock));
    clock.set('2027-06-02T20:00:00Z');
    const { announcement, draft } = await draftMeetingNote(
      database.db,
      {
        meetingId: meetings[0]!.id,
        note: {
          slidesUrl: 'https://example.org/s',
          recordingUrl: null,
          note: 'Special thanks to our speaker.',
        },
      },
      context,
    );
    expect(announcement).toMatchObject({
      kind: 'post_meeting_note',
      state: 'draft',
      audienceKind: 'attended',
      meetingId: meetings[0]!.id,
    });
    expect(draft.subject).toBe('Thank you for coming: Monthly meeting');
    expect(draft.body).toContain('Special thanks to our speaker.');
    expect(draft.body).toContain('- [The slides](https://example.org/s)');
    expect(draft.body).not.toContain('recording');
    expect(draft.body).toContain('({{surveyUrl}})');
    expect(draft.body).toContain(
      `- [Wednesday 7 July 2027, 7 pm (UK time)](https://network.example.org/m/${meetings[1]!.id})`,
    );
    const again = {
      kind: announcement.kind,
      subject: draft.subject,
      body: draft.body,
      meetingId: announcement.meetingId,
    };
    expect(() => parseDraftInput(again, { zone: 'Europe/London', mailerlite: false })).not.toThrow();
  });

  it('goes to those of the list who were there, not to guests, nor to who only waited to be let in', async () => {
    const [first, second] = await addPeople(database.db, clock, 3);
    const meeting = await addMeeting(database.db, singleMeeting('2027-06-02T19:00'), planning(clock));
    clock.set('2027-06-02T20:00:00Z');
    await cameTo(meeting.id, first!);
    await cameTo(meeting.id, second!, 0);
    await cameTo(meeting.id, null);
    const { announcement } = await draftMeetingNote(
      database.db,
      { meetingId: meeting.id, note: nothing },
      context,
    );
    expect(await audienceSize(database.db, announcement, clock.now())).toBe(1);
  });

  it('is drafted once until it went out, and not before the meeting', async () => {
    const meeting = await addMeeting(database.db, singleMeeting('2027-06-02T19:00'), planning(clock));
    const draft = () => draftMeetingNote(database.db, { meetingId: meeting.id, note: nothing }, context);
    await expect(draft()).rejects.toMatchObject({ code: 'wrong_state' });
    clock.set('2027-06-02T20:00:00Z');
    const one = await draft();
    expect((await draft()).announcement.id).toBe(one.announcement.id);
    await database.db
      .update(announcements)
      .set({ state: 'sent' })
      .where(eq(announcements.id, one.announcement.id));
    expect((await draft()).announcement.id).not.toBe(one.announcement.id);
  });
});
