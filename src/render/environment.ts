/**
 * One set of templates that are compiled together: the mails' HTML, their text, the web pages. Everything is
 * compiled when the set is made, with the closed list of helpers, so that a fault in a template stops the start and
 * not a mailing.
 */
import vm from 'node:vm';
import Handlebars from 'handlebars';
import { ConvenorError } from '../kernel/errors.ts';
import { nearest } from '../kernel/nearest.ts';
import type { CodeCache } from './code-cache.ts';
import { HELPERS } from './helpers.ts';
import type { TemplateFile } from './template-files.ts';

export interface EnvironmentOptions {
  /** The name below which templates are called and partials included: "email/". */
  readonly root: string;
  /** HTML is escaped; plain text is not. */
  readonly escape: boolean;
  /** Code of templates that were compiled before. */
  readonly cache?: CodeCache;
  /** Whether `{{#if x}}`, `{{#each x}}` and helpers also fail when `x` is absent, as `{{x}}` does. */
  readonly strictArguments: boolean;
  /** Leaves what a partial gives as it is where the partial's tag is indented: text in a `textarea` must not change. */
  readonly verbatimPartials?: boolean;
}

export type Template = (model: object) => string;

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

const BLOCK_HELPERS = ['if', 'unless', 'each', 'with'] as const;

/** What went wrong in a template, with the file that holds the fault (a partial's own, not its caller's). */
class TemplateFault extends Error {
  override readonly name = 'TemplateFault';
}

function describe(file: string, error: unknown): TemplateFault {
  if (error instanceof TemplateFault) return error;
  const { message, lineNumber } = error as { message: string; lineNumber?: number };
  const missing = /^"(.+)" not defined in .*? - (\d+):\d+$/s.exec(message);
  if (missing !== null) {
    return new TemplateFault(`${file}, line ${missing[2]}: the model has no "${missing[1]}"`);
  }
  const syntax = /^Parse error on line (\d+):\n.*\n.*\n(.*)/.exec(message);
  if (syntax !== null) return new TemplateFault(`${file}, line ${syntax[1]}: ${syntax[2]}`);
  const line = lineNumber === undefined ? '' : `, line ${lineNumber}`;
  return new TemplateFault(`${file}${line}: ${message}`);
}

function withDefinedArguments(name: string, helper: AnyFunction): AnyFunction {
  return function (...args) {
    const options = args.at(-1) as Handlebars.HelperOptions & { loc?: { start: { line: number } } };
    if (args.slice(0, -1).includes(undefined)) {
      const error = new Error(`something that "${name}" is given is not in the model`);
      throw Object.assign(error, { lineNumber: options.loc?.start.line });
    }
    return helper.apply(this, args);
  };
}

function plainHelper(helper: (...args: never[]) => unknown): AnyFunction {
  return (...args) => (helper as AnyFunction)(...args.slice(0, -1));
}

/** Handlebars hands a partial over as a function; this one says in which file a fault was. */
function named(file: string, run: AnyFunction): AnyFunction {
  return function (...args) {
    try {
      return run.apply(this, args);
    } catch (error) {
      throw describe(file, error);
    }
  };
}

/**
 * Compiles the given files as one set. Files below `partials/` are included as `{{> name}}`, those below
 * `layouts/` as `{{#> layouts/name}}…{{/layouts/name}}`; all others can be rendered by name.
 *
 * @throws ConvenorError `invalid_config` that names the file and line of a template that does not compile
 */
export function compileTemplates(
  files: readonly TemplateFile[],
  { root, escape, strictArguments, verbatimPartials = false, cache }: EnvironmentOptions,
): ReadonlyMap<string, Template> {
  const handlebars = Handlebars.create();
  const wrap = strictArguments ? withDefinedArguments : (_name: string, helper: AnyFunction) => helper;
  for (const name of BLOCK_HELPERS) {
    handlebars.registerHelper(name, wrap(name, handlebars.helpers[name] as AnyFunction));
  }
  for (const [name, helper] of Object.entries(HELPERS)) {
    handlebars.registerHelper(name, wrap(name, plainHelper(helper)));
  }
  const knownHelpers = Object.fromEntries(Object.keys(HELPERS).map((name) => [name, true]));

  const compile = (file: TemplateFile): AnyFunction => {
    try {
      const options = {
        strict: true,
        noEscape: !escape,
        knownHelpers,
        knownHelpersOnly: true,
        preventIndent: verbatimPartials,
      };
      const translate = () => handlebars.precompile(file.source, options) as string;
      const code = cache ? cache.get(JSON.stringify([options, file.source]), translate) : translate();
      // What was translated is sound; its code need not be loaded before somebody wants the page.
      let compiled: AnyFunction | undefined;
      return named(file.file, (...args) => {
        compiled ??= handlebars.template(
          vm.runInThisContext(`(${code})`, { filename: file.file }),
        ) as unknown as AnyFunction;
        return compiled(...args);
      });
    } catch (error) {
      throw new ConvenorError('invalid_config', `The template ${describe(file.file, error).message}.`, {
        cause: error,
      });
    }
  };

  const templates = new Map<string, Template>();
  for (const file of files) {
    const name = file.name.slice(root.length);
    const run = compile(file);
    const partial = name.startsWith('layouts/') ? name : /^partials\/(.+)$/.exec(name)?.[1];
    if (partial !== undefined) handlebars.registerPartial(partial, run as Handlebars.Template);
    else templates.set(name, (model) => run(model) as string);
  }
  return templates;
}

/**
 * Renders one template of a set.
 *
 * @throws ConvenorError `internal` when there is no such template or the model lacks what it needs
 */
export function renderTemplate(
  templates: ReadonlyMap<string, Template>,
  name: string,
  model: object,
): string {
  const template = templates.get(name);
  if (template === undefined) {
    const meant = nearest(name, [...templates.keys()]);
    throw new ConvenorError(
      'internal',
      `There is no template "${name}"${meant === undefined ? '' : `; is "${meant}" meant?`}.`,
    );
  }
  try {
    return template(model);
  } catch (error) {
    if (error instanceof ConvenorError) throw error;
    throw new ConvenorError('internal', `The template cannot be rendered: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}
