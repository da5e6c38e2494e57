/**
 * The closed list of ways in which Convenor refuses or fails. One table decides the HTTP status and the exit
 * status of the command line, so that the same fault reads the same everywhere.
 *
 * Exit status: 1 refused or failed, 2 wrong usage.
 */
const ERROR_TABLE = {
  invalid_input: { http: 422, exit: 2 },
  invalid_config: { http: 500, exit: 2 },
  not_found: { http: 404, exit: 1 },
  conflict: { http: 409, exit: 1 },
  wrong_state: { http: 409, exit: 1 },
  not_signed_in: { http: 401, exit: 1 },
  forbidden: { http: 403, exit: 1 },
  too_many_requests: { http: 429, exit: 1 },
  payload_too_large: { http: 413, exit: 1 },
  data_folder_locked: { http: 503, exit: 1 },
  database_too_new: { http: 503, exit: 1 },
  unavailable: { http: 503, exit: 1 },
  remote_refused: { http: 502, exit: 1 },
  internal: { http: 500, exit: 1 },
} as const satisfies Record<string, { http: number; exit: 1 | 2 }>;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** One fault in what somebody gave us: the field by its name in the form, file or option, and what was expected. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

/**
 * An expected failure. `message` is written for the person who reads it: what is wrong and what to do. It
 * never holds a secret or somebody else's address.
 */
export class ConvenorError extends Error {
  override readonly name = 'ConvenorError';
  readonly code: ErrorCode;
  readonly problems: readonly FieldProblem[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { problems?: readonly FieldProblem[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.problems = options.problems ?? [];
  }

  get httpStatus(): number {
    return ERROR_TABLE[this.code].http;
  }

  get exitStatus(): 1 | 2 {
    return ERROR_TABLE[this.code].exit;
  }
}

/**
 * Input that breaks a rule; the message joins the problems into one sentence per field.
 *
 * @example throw invalidInput({ field: 'duration', message: 'must be between 5 and 1440 minutes' })
 */
export function invalidInput(...problems: readonly [FieldProblem, ...FieldProblem[]]): ConvenorError {
  return new ConvenorError('invalid_input', problems.map((p) => `${p.field}: ${p.message}`).join('; '), {
    problems,
  });
}

/**
 * Runs the checks of one input, so that a person learns of everything that is wrong with it at once.
 *
 * @returns what each check gave.
 * @throws ConvenorError `invalid_input` with the problems of all checks together; whatever else a check throws.
 */
export async function checkAll<const Checks extends readonly (() => unknown)[]>(
  checks: Checks,
): Promise<{ -readonly [K in keyof Checks]: Awaited<ReturnType<Checks[K]>> }> {
  const problems: FieldProblem[] = [];
  const found: unknown[] = [];
  for (const check of checks) {
    try {
      found.push(await check());
    } catch (error) {
      if (!(error instanceof ConvenorError) || error.code !== 'invalid_input') throw error;
      problems.push(...error.problems);
    }
  }
  const [first, ...others] = problems;
  if (first !== undefined) throw invalidInput(first, ...others);
  return found as { -readonly [K in keyof Checks]: Awaited<ReturnType<Checks[K]>> };
}

/** The thing named by `what` ("meeting", "announcement") does not exist. */
export function notFound(what: string, id: string): ConvenorError {
  return new ConvenorError('not_found', `There is no ${what} ${id}.`);
}
