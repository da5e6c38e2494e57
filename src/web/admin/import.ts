import type { FastifyRequest } from 'fastify';
import { formatDateTime } from '../../calendar/format.ts';
import { TOPICS } from '../../db/schema.ts';
import { invalidInput } from '../../kernel/errors.ts';
import type { Column, ColumnNames } from '../../subscribers/import-columns.ts';
import { acting } from '../acting.ts';
import { csv } from '../csv.ts';
import { field, fieldList, fileField, freshForm, rejectedForm, type FormModel } from '../form.ts';
import {
  findImportRun,
  importResult,
  isInterrupted,
  recentImportRuns,
  startImport,
  type ImportRun,
} from '../import-runs.ts';
import { routes } from '../plugin.ts';
import { counted, grouped } from '../words.ts';
import { topicChoices } from '../topic-choices.ts';

type ById = { Params: { id: string } };

/** A file this small is imported before the browser would show a page of progress. */
const PATIENCE_MS = 1_500;
const SHOWN_REJECTS = 200;

const COLUMN_FIELDS: readonly { readonly id: Column; readonly label: string }[] = [
  { id: 'email', label: 'The address stands under' },
  { id: 'name', label: 'The whole name stands under' },
  { id: 'firstName', label: 'The first name stands under' },
  { id: 'lastName', label: 'The last name stands under' },
  { id: 'topics', label: 'The topics stand under' },
  { id: 'memberKind', label: 'The membership stands under' },
  { id: 'hcpcNumber', label: 'The HCPC number stands under' },
];

/** The name of a column's field in the form, which has fields of its own that are called as columns are. */
const fieldOf = (id: Column): string => `column-${id}`;

function columnNames(request: FastifyRequest): ColumnNames {
  return Object.fromEntries(
    COLUMN_FIELDS.map(({ id }) => [id, field(request, fieldOf(id))] as const).filter(
      ([, name]) => name !== '',
    ),
  );
}

function typedColumns(request: FastifyRequest): Record<string, string> {
  return Object.fromEntries(COLUMN_FIELDS.map(({ id }) => [fieldOf(id), field(request, fieldOf(id))]));
}

/** Importing people from a spreadsheet: the file, how far it is, and what came of it. */
export const importPages = routes({ name: 'import', needs: ['access', 'pages', 'forms'] }, (app) => {
  const { db, clock, addressHash, log, nudge } = app.deps;
  const running = new Set<Promise<void>>();
  app.addHook('onClose', async () => {
    await Promise.all(running);
  });

  app.get('/admin/subscribers/import', async (_request, reply) =>
    reply.page('admin/import', await model(freshForm(), ['meetings'])),
  );

  app.post('/admin/subscribers/import', async (request, reply) => {
    const { actor } = await acting(request);
    const chosen = fieldList(request, 'topics');
    const topics = TOPICS.filter((topic) => chosen.includes(topic));
    const file = fileField(request, 'file');
    try {
      if (file === undefined) throw invalidInput({ field: 'file', message: 'must be chosen' });
      if (topics.length === 0) throw invalidInput({ field: 'topics', message: 'must be at least one' });
    } catch (error) {
      const form = rejectedForm(typedColumns(request), error, {
        file: 'A file',
        topics: 'What they get mail about',
      });
      return reply.code(422).page('admin/import', await model(form, chosen));
    }
    const { id, finished } = await startImport(
      db,
      {
        file: file.bytes,
        fileName: file.name,
        topics,
        columns: columnNames(request),
        checkOnly: field(request, 'act') === 'check',
      },
      { clock, actor, addressHash, log },
    );
    const done = finished.then(nudge).finally(() => running.delete(done));
    running.add(done);
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS).unref())]);
    return reply.redirect(`/admin/subscribers/import/${id}`, 303);
  });

  app.get<ById>('/admin/subscribers/import/:id', async (request, reply) => {
    const { settings } = await acting(request);
    const importRun = await findImportRun(db, request.params.id);
    return reply.page('admin/import-run', runModel(importRun, settings.timeZone));
  });

  app.get<ById>('/admin/subscribers/import/:id/rejects.csv', async (request, reply) => {
    const rejected = importResult(await findImportRun(db, request.params.id))?.rejected ?? [];
    return csv(
      reply,
      'rejected.csv',
      ['line', 'email', 'reason'],
      rejected.map(({ line, email, reason }) => [String(line), email, reason]),
    );
  });

  async function model(form: FormModel, topics: readonly string[]) {
    const now = clock.now();
    return {
      title: 'Import a list',
      section: 'subscribers',
      back: { href: '/admin/subscribers', label: 'Subscribers' },
      lead: 'Bring people in from a spreadsheet. Only people who agreed to get mail from the group may be on it.',
      form,
      topics: topicChoices(topics),
      columns: COLUMN_FIELDS.map(({ id, label }) => ({
        id: fieldOf(id),
        label,
        value: form.values[fieldOf(id)] ?? '',
      })),
      columnsOpen: COLUMN_FIELDS.some(({ id }) => form.values[fieldOf(id)]),
      runs: (await recentImportRuns(db)).map((one) => ({
        id: one.id,
        fileName: one.fileName,
        ...runWord(one, now),
        summary: summaryOf(one),
      })),
    };
  }

  function runModel(importRun: ImportRun, zone: string) {
    const now = clock.now();
    const result = importResult(importRun);
    const rejected = result?.rejected ?? [];
    return {
      title: importRun.fileName,
      section: 'subscribers',
      back: { href: '/admin/subscribers/import', label: 'Import a list' },
      run: {
        id: importRun.id,
        startedAt: formatDateTime(importRun.startedAt, zone),
        ...runWord(importRun, now),
        checkOnly: importRun.checkOnly,
        isRunning: importRun.finishedAt === null && !isInterrupted(importRun, now),
        isInterrupted: isInterrupted(importRun, now),
        problem: importRun.problem ?? undefined,
        lines: importRun.lines,
        of: importRun.linesInAll ?? undefined,
        progress:
          importRun.linesInAll === null
            ? `${grouped(importRun.lines)} lines checked`
            : `${grouped(importRun.lines)} of ${grouped(importRun.linesInAll)} lines`,
      },
      result:
        result === undefined
          ? undefined
          : {
              added: grouped(result.added),
              updated: grouped(result.updated),
              unchanged: grouped(result.unchanged),
              rejected: grouped(rejected.length),
              rows: rejected.slice(0, SHOWN_REJECTS),
              more: rejected.length > SHOWN_REJECTS ? grouped(rejected.length - SHOWN_REJECTS) : undefined,
            },
    };
  }
});

function runWord(importRun: ImportRun, now: Temporal.Instant) {
  if (importRun.problem !== null) return { state: 'not imported', tone: 'bad' };
  if (importRun.finishedAt !== null)
    return { state: importRun.checkOnly ? 'checked' : 'done', tone: importRun.checkOnly ? 'info' : 'good' };
  return isInterrupted(importRun, now)
    ? { state: 'interrupted', tone: 'warn' }
    : { state: 'running', tone: 'info' };
}

function summaryOf(importRun: ImportRun): string {
  const result = importResult(importRun);
  if (result === undefined) return importRun.problem ?? '';
  const { added, updated, unchanged, rejected } = result;
  return `${grouped(added)} added, ${grouped(updated)} updated, ${grouped(unchanged)} unchanged, ${counted(rejected.length, 'line')} rejected`;
}
