import type { FastifyRequest } from 'fastify';
import { ConvenorError } from '../kernel/errors.ts';

/** What a form holds: what was typed, and what is wrong with it, at each field and as a list. */
export interface FormModel {
  readonly values: Readonly<Record<string, unknown>>;
  /** A sentence per field. */
  readonly errors: Readonly<Record<string, string>>;
  readonly problems: readonly { readonly field: string; readonly message: string }[];
}

/** How the fields of a form are called on the page; a problem reads "Length must be at least 5 minutes." */
export type Labels = Readonly<Record<string, string>>;

export function freshForm(values: FormModel['values'] = {}): FormModel {
  return { values, errors: {}, problems: [] };
}

/**
 * The form again with what was typed and what is wrong.
 *
 * @throws the error itself when it is not about the input.
 */
export function rejectedForm(values: FormModel['values'], error: unknown, labels: Labels): FormModel {
  if (!isAboutInput(error)) throw error;
  const problems =
    error.problems.length > 0
      ? error.problems.map(({ field, message }) => ({ field, message: sentence(labels[field], message) }))
      : [{ field: '', message: error.message }];
  const errors = Object.fromEntries(problems.map(({ field, message }) => [field, message]).reverse());
  return { values, errors, problems };
}

/** Whether an error can be put right by changing what was typed. */
export function isAboutInput(error: unknown): error is ConvenorError {
  return error instanceof ConvenorError && (error.code === 'invalid_input' || error.code === 'conflict');
}

function sentence(label: string | undefined, message: string): string {
  const text =
    label === undefined ? message.charAt(0).toUpperCase() + message.slice(1) : `${label} ${message}`;
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** One field of the request's body as text, without the spaces around it; absent is empty. */
export function field(request: FastifyRequest, name: string): string {
  return fieldList(request, name)[0]?.trim() ?? '';
}

/** All values of a field that may be given more than once. */
export function fieldList(request: FastifyRequest, name: string): string[] {
  const body = (request.body ?? {}) as Record<string, unknown>;
  return [body[name]].flat().filter((value): value is string => typeof value === 'string');
}

/** A file as the forms plugin hands it over. */
export interface UploadedFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** An uploaded file; `undefined` when none was chosen. */
export function fileField(request: FastifyRequest, name: string): UploadedFile | undefined {
  const value = ((request.body ?? {}) as Record<string, unknown>)[name];
  if (typeof value !== 'object' || value === null || !('bytes' in value)) return undefined;
  const file = value as UploadedFile;
  return file.bytes.length > 0 || file.name !== '' ? file : undefined;
}

/** One parameter of the address as text. */
export function query(request: FastifyRequest, name: string): string {
  const value = (request.query as Record<string, unknown>)[name];
  return typeof value === 'string' ? value.trim() : '';
}

export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}
