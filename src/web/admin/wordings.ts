import { formatDate } from '../../calendar/format.ts';
import { toWall } from '../../calendar/wall.ts';
import { TOPICS } from '../../db/schema.ts';
import { invalidInput, notFound } from '../../kernel/errors.ts';
import { readSettings } from '../../organisation/settings.ts';
import {
  agreedTo,
  changeWording,
  currentWordings,
  WORDING_KEYS,
  wordingHistory,
  type WordingKey,
} from '../../subscribers/wordings.ts';
import { acting } from '../acting.ts';
import { actorNames } from '../actors.ts';
import { field, freshForm, rejectedForm, type FormModel } from '../form.ts';
import { routes } from '../plugin.ts';
import { flash } from '../plugins/sessions.ts';
import { withSentences } from '../public/open-form.ts';
import { people, TOPIC_WORDS } from '../words.ts';

type ByKey = { Params: { key: string } };

const ABOUT = { href: '/admin/wordings', label: 'What people agree to' };

/** The texts that people agree to: each version is kept, and a change asks whether old agreements still count. */
export const wordingPages = routes({ name: 'wordings', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, nudge } = app.deps;

  app.get('/admin/wordings', async (_request, reply) => {
    const wordings = await currentWordings(db, { clock });
    const list = [];
    for (const key of WORDING_KEYS) {
      const { text, version } = wordings[key];
      list.push({ key, name: nameOf(key), text, version, agreed: await agreedWords(key) });
    }
    return reply.page('admin/wordings', {
      title: ABOUT.label,
      section: 'wordings',
      lead: 'These texts stand beside the boxes of the form to join. The record of each person says which version they saw.',
      wordings: list,
    });
  });

  app.get<ByKey>('/admin/wordings/:key', async (request, reply) => {
    const key = keyFrom(request.params.key);
    const { text } = (await currentWordings(db, { clock }))[key];
    return reply.page('admin/wording', await model(key, freshForm({ text, covers: '' })));
  });

  app.post<ByKey>('/admin/wordings/:key', async (request, reply) => {
    const { actor } = await acting(request);
    const key = keyFrom(request.params.key);
    const values = { text: field(request, 'text'), covers: field(request, 'covers') };
    try {
      if (key !== 'declaration' && values.covers !== 'yes' && values.covers !== 'no') {
        throw invalidInput({ field: 'covers', message: 'must be answered' });
      }
      const { lapsed } = await changeWording(
        db,
        { key, text: values.text, coversEarlier: values.covers !== 'no' },
        { clock, actor },
      );
      await nudge();
      flash(
        request,
        lapsed === 0 ? 'good' : 'warn',
        lapsed === 0
          ? 'The new text is in use. Everybody’s agreement still counts.'
          : `The new text is in use. ${people(lapsed)} must agree anew and get no mail about this until then.`,
      );
      return await reply.redirect('/admin/wordings', 303);
    } catch (error) {
      const form = withSentences(rejectedForm(values, error, { text: 'The text' }), {
        covers: 'Say whether agreements to the old text still count.',
      });
      return reply.code(422).page('admin/wording', await model(key, form));
    }
  });

  async function model(key: WordingKey, form: FormModel) {
    const nameOfActor = await actorNames(db);
    const { timeZone } = await readSettings(db);
    const agreed = await agreedWords(key);
    return {
      title: nameOf(key),
      section: 'wordings',
      back: ABOUT,
      key,
      form,
      asks: key !== 'declaration',
      hint:
        key === 'declaration'
          ? 'Everybody who joins ticks this.'
          : 'It must name the organisation, say what the mail is about, and that one can stop at any time.',
      agreed: agreed ?? '',
      coversYes: form.values['covers'] === 'yes',
      coversNo: form.values['covers'] === 'no',
      versions: (await wordingHistory(db, key)).map((version) => ({
        version: version.version,
        text: version.text,
        since: formatDate(toWall(version.createdAt, timeZone).toPlainDate()),
        by: nameOfActor(version.createdBy),
        asked: version.version > 1 && !version.coversEarlier,
      })),
    };
  }

  async function agreedWords(key: WordingKey): Promise<string | undefined> {
    const topic = TOPICS.find((each) => each === key);
    return topic === undefined ? undefined : people(await agreedTo(db, topic));
  }
});

function keyFrom(text: string): WordingKey {
  const key = WORDING_KEYS.find((each) => each === text);
  if (key === undefined) throw notFound('text', text.slice(0, 40));
  return key;
}

function nameOf(key: WordingKey): string {
  return key === 'declaration' ? 'Declaration of a member' : TOPIC_WORDS[key];
}
