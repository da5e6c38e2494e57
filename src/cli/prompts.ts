import { confirm, log, password, select, text } from '@clack/prompts';
import type { Question } from './host.ts';

/** Asks at the terminal of this process. Questions are drawn on standard error, so that output can be piped. */
export async function askAtTerminal(question: Question): Promise<string | undefined> {
  const common = { message: question.message, output: process.stderr };
  if (question.problem !== undefined) log.warn(question.problem, { output: process.stderr });
  const answer = await put(question, common);
  if (typeof answer === 'boolean') return answer ? 'yes' : 'no';
  return typeof answer === 'symbol' ? undefined : answer;
}

function put(
  { kind, initial, options = [] }: Question,
  common: { message: string; output: NodeJS.WriteStream },
): Promise<string | boolean | symbol> {
  switch (kind) {
    case 'password':
      return password(common);
    case 'confirm':
      return confirm({ ...common, initialValue: initial !== 'no' });
    case 'select':
      return select<string>({
        ...common,
        options: options.map(({ value, label }) => ({ value, label })),
        ...(initial === undefined ? {} : { initialValue: initial }),
      });
    case 'text':
      return text({
        ...common,
        defaultValue: '',
        ...(initial === undefined ? {} : { initialValue: initial }),
      });
  }
}
