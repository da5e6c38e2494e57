import { formatDateTime, formatShortDateTime } from '../../calendar/format.ts';
import { readSettings, type Settings } from '../../organisation/settings.ts';
import { findSubscriber, type Subscriber } from '../../subscribers/subscribers.ts';
import {
  DIFFERENCE_WORDS,
  listDifferences,
  resolveDifference,
  type OpenDifference,
  type Resolution,
} from '../../sync/differences.ts';
import { planWarnings, syncOverview, type SyncOverview } from '../../sync/overview.ts';
import { listRuns, startPull, type SyncRun } from '../../sync/pull-runs.ts';
import { readWebhookState, wantWebhook, type WebhookState } from '../../sync/webhook-state.ts';
import { acting } from '../acting.ts';
import { field, query, isUuid } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { fromNow, grouped, people, TOPIC_WORDS, type Word } from '../words.ts';

type ById = { Params: { id: string } };

const SHOWN_RUNS = 10;
const SHOWN_DIFFERENCES = 25;

const RUN_WORDS: Readonly<Record<SyncRun['state'], Word>> = {
  running: { state: 'under way', tone: 'info' },
  done: { state: 'done', tone: 'good' },
  failed: { state: 'failed', tone: 'bad' },
};

/** Something that is fine, or wants attention, as a line of the page. */
interface Finding {
  readonly tone: Word['tone'];
  readonly icon: string;
  readonly what: string;
  readonly detail: string;
}

/** How the list here and the list in MailerLite stand to each other, and what needs a person. */
export const mailerlitePages = routes({ name: 'mailerlite', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, config, addressHash, nudge } = app.deps;
  const isOn = config.MAILERLITE_API_KEY !== undefined;

  app.get('/admin/mailerlite', async (request, reply) => {
    const settings = await readSettings(db);
    const overview = await syncOverview(db);
    const webhook = await readWebhookState(db);
    const before = query(request, 'before');
    const found = await listDifferences(db, {
      limit: SHOWN_DIFFERENCES + 1,
      ...(isUuid(before) ? { before } : {}),
    });
    const shown = found.slice(0, SHOWN_DIFFERENCES);
    const warnings = await planWarnings(db, settings, { clock, zone: settings.timeZone });
    return reply.page('admin/mailerlite', {
      title: 'MailerLite',
      section: 'mailerlite',
      isOn,
      isRunning: overview.running !== undefined,
      never: overview.running === undefined && overview.lastRun === undefined,
      missing: overview.running === undefined ? (overview.lastRun?.missing ?? undefined) : undefined,
      findings: isOn
        ? [
            ...warnings.map((what): Finding => ({ tone: 'warn', icon: 'icons/warn', what, detail: '' })),
            comparison(overview, settings),
            waiting(overview, settings),
            ...reports(webhook, settings),
          ]
        : [],
      webhookLabel: webhook.wanted ? 'Check and repair the reports' : 'Let MailerLite report to us',
      groups: overview.topics.map(({ topic, groupName }) => ({ topic: TOPIC_WORDS[topic], groupName })),
      differences: await Promise.all(shown.map((difference) => differenceView(difference, settings))),
      differenceCount: grouped(overview.differences),
      next: found.length > SHOWN_DIFFERENCES ? `/admin/mailerlite?before=${shown.at(-1)!.id}` : undefined,
      runs: (await listRuns(db, { limit: SHOWN_RUNS })).map((run) => runView(run, settings)),
    });
  });

  app.post('/admin/mailerlite/sync', async (request, reply) => {
    const { actor } = await acting(request);
    const missing = field(request, 'missing');
    const { begun } = await startPull(
      db,
      {
        trigger: 'demand',
        startedBy: actor,
        ...(/^\d{1,9}$/.test(missing) ? { missingExpected: Number(missing) } : {}),
      },
      { clock },
    );
    await nudge();
    flash(
      request,
      'info',
      begun
        ? 'The comparison has begun. You may leave this page.'
        : 'A comparison is under way already; it goes on.',
    );
    return reply.redirect('/admin/mailerlite', 303);
  });

  app.post('/admin/mailerlite/webhook', async (request, reply) => {
    const { actor } = await acting(request);
    await wantWebhook(db, { clock, actor });
    await nudge();
    flash(request, 'info', 'Convenor asks MailerLite now. Look at this page again in a minute.');
    return reply.redirect('/admin/mailerlite', 303);
  });

  app.post<ById>('/admin/mailerlite/differences/:id', async (request, reply) => {
    const context = await acting(request);
    const action = field(request, 'action') as Resolution;
    await resolveDifference(db, { id: request.params.id, action }, { ...context, addressHash });
    await nudge();
    flash(request, 'good', 'Done.');
    return reply.redirect('/admin/mailerlite', 303);
  });

  function ago(at: Temporal.Instant, { timeZone }: Settings): string {
    return fromNow(at, clock.now(), timeZone);
  }

  function comparison({ running, lastRun, linked }: SyncOverview, settings: Settings): Finding {
    if (running !== undefined) {
      return {
        tone: 'info',
        icon: 'icons/repeat',
        what: 'The lists are being compared',
        detail: `${people(seenIn(running))} seen so far. It began ${ago(running.startedAt, settings)}.`,
      };
    }
    if (lastRun === undefined) {
      return {
        tone: 'warn',
        icon: 'icons/warn',
        what: 'The lists were never compared',
        detail:
          'Begin with “Compare now”: it takes over your list from MailerLite as it is. From then on it happens every night.',
      };
    }
    const detail = `${ago(lastRun.startedAt, settings)}. ${people(linked)} of yours are in MailerLite.`;
    return lastRun.state === 'failed'
      ? {
          tone: 'bad',
          icon: 'icons/alert',
          what: 'The last comparison failed',
          detail: `${lastRun.reason ?? ''} It was ${detail}`,
        }
      : {
          tone: 'good',
          icon: 'icons/check',
          what: 'The lists were compared',
          detail: `The last time was ${detail}`,
        };
  }

  function waiting(overview: SyncOverview, settings: Settings): Finding {
    const { urgent, waitingSince, toForget, events } = overview;
    if (overview.waiting + toForget + events === 0) {
      return {
        tone: 'good',
        icon: 'icons/check',
        what: 'MailerLite knows everything',
        detail: 'Nothing waits to be told or to be heard.',
      };
    }
    const late =
      waitingSince !== undefined && Temporal.Instant.compare(waitingSince.add({ hours: 1 }), clock.now()) < 0;
    const parts = [
      ...(overview.waiting === 0
        ? []
        : [
            `${people(overview.waiting)} to tell MailerLite about${waitingSince === undefined ? '' : `, the first since ${ago(waitingSince, settings)}`}`,
          ]),
      ...(urgent === 0 ? [] : [`${grouped(urgent)} of them opted out and go first`]),
      ...(toForget === 0 ? [] : [`${people(toForget)} to be forgotten there`]),
      ...(events === 0 ? [] : [`${grouped(events)} reports of MailerLite to be dealt with`]),
    ];
    return {
      tone: late ? 'warn' : 'info',
      icon: late ? 'icons/warn' : 'icons/clock',
      what: 'Something waits',
      detail: `${parts.join('; ')}. MailerLite takes 120 requests a minute.`,
    };
  }

  function reports({ wanted, faults, checkedAt, mailerliteId }: WebhookState, settings: Settings): Finding[] {
    if (!wanted) {
      return [
        {
          tone: 'warn',
          icon: 'icons/warn',
          what: 'MailerLite does not report to us',
          detail: /\/\/(localhost|127\.|\[::1\])/.test(config.BASE_URL)
            ? `It cannot: ${config.BASE_URL} is reached from this machine only. Set BASE_URL to the public address first. Until then the nightly comparison finds what people do there.`
            : 'Until it does, the nightly comparison finds who left there.',
        },
      ];
    }
    const checked =
      checkedAt === undefined ? 'It is looked at now.' : `Looked at ${ago(checkedAt, settings)}.`;
    if (faults.length > 0) {
      return [
        {
          tone: 'warn',
          icon: 'icons/warn',
          what: 'Something was wrong with the reports of MailerLite',
          detail: `${faults.join(' ')} Convenor has mended what it can. ${checked}`,
        },
      ];
    }
    return [
      mailerliteId === null
        ? {
            tone: 'info',
            icon: 'icons/clock',
            what: 'MailerLite is asked to report to us',
            detail: 'This takes a minute.',
          }
        : { tone: 'good', icon: 'icons/check', what: 'MailerLite reports to us at once', detail: checked },
    ];
  }

  async function differenceView(difference: OpenDifference, settings: Settings) {
    const { title, explanation, resolutions } = DIFFERENCE_WORDS[difference.kind];
    const subscriber =
      difference.subscriberId === null ? undefined : await findSubscriber(db, difference.subscriberId);
    const formUrl = difference.kind === 'not_taken_back' ? settings.mailerliteFormUrl : '';
    return {
      id: difference.id,
      title,
      explanation,
      resolutions,
      detail: detailOf(difference, subscriber),
      person: subscriber && { id: subscriber.id, name: subscriber.name ?? subscriber.email },
      when: formatDateTime(difference.foundAt, settings.timeZone),
      formUrl: formUrl === '' ? undefined : formUrl,
      asksForForm: difference.kind === 'not_taken_back' && formUrl === '',
    };
  }
});

/** What the words of its kind do not say: the two addresses, the person whom we know no more, MailerLite's answer. */
function detailOf(
  { kind, detail, emailThere, mailerliteId }: OpenDifference,
  subscriber?: Subscriber,
): string {
  if (kind === 'address_differs') {
    return `Here it is ${subscriber?.email ?? 'not known'}, in MailerLite ${emailThere ?? 'not known any more'}.`;
  }
  return subscriber === undefined && mailerliteId !== null
    ? `${detail} In MailerLite it is subscriber ${mailerliteId}.`.trim()
    : detail;
}

function runView(run: SyncRun, { timeZone }: Settings) {
  const { added, given, withdrawn, gone, differences, unreadable, pushes } = run.counts;
  const parts = [
    `${people(seenIn(run))} seen`,
    ...(added === 0 ? [] : [`${grouped(added)} new here`]),
    ...(given === 0 ? [] : [`${given === 1 ? 'one topic' : `${grouped(given)} topics`} turned on`]),
    ...(withdrawn === 0
      ? []
      : [`${withdrawn === 1 ? 'one topic' : `${grouped(withdrawn)} topics`} turned off`]),
    ...(pushes === 0 ? [] : [`${grouped(pushes)} to be told there`]),
    ...(gone === 0 ? [] : [`${grouped(gone)} gone there`]),
    ...(differences === 0 ? [] : [`${grouped(differences)} for you to decide`]),
    ...(unreadable === 0 ? [] : [`${grouped(unreadable)} could not be read`]),
  ];
  return {
    when: formatShortDateTime(run.startedAt, timeZone),
    why: run.trigger === 'nightly' ? 'by night' : 'on demand',
    summary: parts.join(', '),
    reason: run.reason ?? '',
    ...RUN_WORDS[run.state],
  };
}

function seenIn({ counts }: SyncRun): number {
  return Object.values(counts.seen).reduce((sum, n) => sum + n, 0);
}
