import type { FastifyRequest } from 'fastify';
import { field, type FormModel } from '../form.ts';

/** How often one address may send in a form that anybody can reach. */
export const SENDING_IN = { max: 30, timeWindow: '10 minutes' };

/** Whether the field that no person sees was filled in. Such a form gets the usual answer and goes nowhere. */
export function isFilledByMachine(request: FastifyRequest): boolean {
  return field(request, 'website') !== '';
}

/** The form with sentences of its own for the fields where label and rule do not make a good one. */
export function withSentences(form: FormModel, sentences: Readonly<Record<string, string>>): FormModel {
  const say = (name: string, message: string) => sentences[name] ?? message;
  return {
    ...form,
    errors: Object.fromEntries(
      Object.entries(form.errors).map(([name, message]) => [name, say(name, message)]),
    ),
    problems: form.problems.map((problem) => ({ ...problem, message: say(problem.field, problem.message) })),
  };
}
