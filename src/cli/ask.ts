import { ConvenorError } from '../kernel/errors.ts';
import type { CliIo, Question } from './host.ts';

export type Ask = NonNullable<CliIo['ask']>;

/**
 * Puts a question until the answer is accepted.
 *
 * @param read gives the answer's meaning; its `invalid_input` is shown and the question put again.
 * @throws ConvenorError `wrong_state` when the person breaks off.
 */
export async function askFor<T>(
  ask: Ask,
  question: Question,
  read: (answer: string) => T | Promise<T>,
): Promise<T> {
  let current = question;
  for (;;) {
    const answer = await ask(current);
    if (answer === undefined) throw new ConvenorError('wrong_state', 'Broken off: nothing was changed.');
    try {
      return await read(answer);
    } catch (error) {
      if (!(error instanceof ConvenorError) || error.code !== 'invalid_input') throw error;
      const problem = error.problems.map(({ message }) => message).join('; ');
      current =
        question.kind === 'password' ? { ...question, problem } : { ...question, initial: answer, problem };
    }
  }
}
