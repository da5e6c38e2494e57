import { formatDateTime, formatDuration } from '../../calendar/format.ts';
import { ConvenorError } from '../../kernel/errors.ts';
import type { Meeting } from '../../meetings/occurrences.ts';
import type { RoomDifference } from '../../rooms/differences.ts';
import { readRoom } from '../../rooms/ledger.ts';
import { makeRoomNow, settleDifferences } from '../../rooms/settle.ts';
import { roomView, type RoomView } from '../../rooms/view.ts';
import { wantsRoom } from '../../rooms/wanted.ts';
import { acting } from '../acting.ts';
import type { WebDependencies } from '../dependencies.ts';
import { field } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';

type ById = { Params: { id: string } };

/** What the administrator does about the room of a meeting at Zoom, and the way in for the host. */
export const meetingRoomActs = routes({ name: 'rooms', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, nudge, zoomStartLink } = app.deps;

  const ACTS = new Map([
    ['ours', 'Zoom gets our values again; look at this page in a minute.'],
    ['theirs', 'What Zoom has is agreed to.'],
    ['make', 'The meeting is made at Zoom; look at this page in a minute.'],
  ]);

  app.post<ById>('/admin/meetings/:id/room', async (request, reply) => {
    const context = await acting(request);
    const { id } = request.params;
    const act = field(request, 'act');
    const done = ACTS.get(act);
    if (done === undefined)
      throw new ConvenorError('invalid_input', 'Choose what to do about the meeting at Zoom.');
    if (act === 'make') await makeRoomNow(db, id, context);
    else await settleDifferences(db, id, act === 'ours' ? 'ours' : 'theirs', context);
    await nudge();
    flash(request, 'good', done);
    return reply.redirect(`/admin/meetings/${id}#room`, 303);
  });

  // The link makes whoever has it the host, so it goes from Zoom to the browser and is kept nowhere.
  app.get<ById>('/admin/meetings/:id/start', async (request, reply) => {
    const { meeting, room } = await readRoom(db, request.params.id);
    if (zoomStartLink === undefined || !wantsRoom(meeting) || !room?.zoomId) {
      throw new ConvenorError('wrong_state', 'There is no meeting at Zoom that you could start.');
    }
    return reply
      .header('cache-control', 'no-store')
      .header('referrer-policy', 'no-referrer')
      .redirect(await zoomStartLink(room.zoomId), 302);
  });
});

/** The room of a meeting, as the meeting's page shows it. */
export async function roomPart(
  { db, zoomStartLink }: Pick<WebDependencies, 'db' | 'zoomStartLink'>,
  meeting: Meeting,
  { open }: { open: boolean },
) {
  const view = await roomView(db, meeting);
  const isZoom = zoomStartLink !== undefined;
  const differences = view.differences.map((difference) => differenceRow(difference, meeting.zone));
  const edited = view.differences.some(({ cause }) => cause === 'edited');
  return {
    ownLink: view.state === 'own_link',
    link: view.link,
    host: view.host,
    passcode: view.state === 'ready' ? view.passcode : undefined,
    line: open ? stateLine(view, isZoom, meeting.zone) : undefined,
    canMake: open && isZoom && (view.state === 'lost' || view.state === 'trouble'),
    canStart: isZoom && view.state !== 'own_link' && view.link !== null && meeting.status === 'scheduled',
    differences: open ? differences : [],
    edited,
  };
}

function stateLine(view: RoomView, isZoom: boolean, zone: string) {
  const again =
    view.retryAt === null ? '' : ` Convenor tries again on ${formatDateTime(view.retryAt, zone)}.`;
  if (!isZoom && view.state !== 'own_link') {
    return {
      tone: 'bad',
      icon: 'icons/alert',
      what: 'Zoom is not connected',
      detail: 'Nobody can join: set the Zoom account where Convenor runs, or paste a link of your own.',
    };
  }
  const LINES = {
    own_link: undefined,
    ready: { tone: 'good', icon: 'icons/check', what: 'The meeting is made at Zoom', detail: '' },
    waiting: {
      tone: 'info',
      icon: 'icons/clock',
      what: 'The meeting will be made at Zoom',
      detail: 'That happens a week before the first notice goes out.',
    },
    trouble: {
      tone: 'bad',
      icon: 'icons/alert',
      what: view.link === null ? 'The meeting could not be made at Zoom' : 'Zoom could not be asked',
      detail: `${view.problem ?? ''}${again}`,
    },
    lost: {
      tone: 'warn',
      icon: 'icons/warn',
      what: 'Somebody removed the meeting at Zoom',
      detail:
        'Until then nobody can join. Convenor makes it again one day before it is needed; the link in the mails leads there.',
    },
  };
  return LINES[view.state];
}

const FIELD_WORDS: Readonly<Record<string, string>> = {
  topic: 'Title',
  agenda: 'What it is about',
  startsAt: 'When',
  durationMinutes: 'Length',
  passcode: 'Passcode',
  waitingRoom: 'Waiting room',
  joinBeforeHost: 'Joining before the host',
  muteUponEntry: 'Muted on entry',
  alternativeHosts: 'Alternative hosts',
  registration: 'Registration with Zoom',
};

function differenceRow({ field: name, wanted, found, cause }: RoomDifference, zone: string) {
  const words = (value: string) => {
    if (value === 'true') return 'yes';
    if (value === 'false') return 'no';
    if (value === '') return 'none';
    if (name === 'startsAt') return formatDateTime(Temporal.Instant.from(value), zone);
    return name === 'durationMinutes' ? formatDuration(Number(value)) : value;
  };
  return {
    label: FIELD_WORDS[name] ?? name,
    ours: words(wanted),
    theirs: words(found),
    why:
      cause === 'overruled'
        ? 'Your Zoom account’s settings decide this.'
        : 'Somebody changed it in the Zoom portal.',
  };
}
