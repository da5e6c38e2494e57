import type { Topic } from '../db/schema.ts';
import { parseEmailAddress, type EmailAddress } from '../kernel/email-address.ts';
import { ConvenorError, invalidInput, type FieldProblem } from '../kernel/errors.ts';
import { parseHcpcNumber, parseMemberKind, parseName, type MemberKind } from './members.ts';
import { parseTopics } from './topics.ts';

/** The form of the page to join, as it was sent in. */
export interface JoinForm {
  readonly email: string;
  readonly name?: string;
  readonly memberKind: string;
  readonly hcpcNumber?: string;
  /** The boxes that were ticked. */
  readonly topics: readonly string[];
  /** Whether the declaration was ticked. */
  readonly declaration: boolean;
}

interface ParsedJoinForm {
  readonly address: EmailAddress;
  readonly name: string | undefined;
  readonly memberKind: MemberKind;
  readonly hcpcNumber: string | undefined;
  readonly topics: readonly Topic[];
}

/** @throws ConvenorError `invalid_input` that names every field that is wrong, not only the first. */
export function parseJoinForm(form: JoinForm): ParsedJoinForm {
  const problems: FieldProblem[] = [];
  function read<T>(parse: () => T): T | undefined {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof ConvenorError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  }
  const address = read(() => parseEmailAddress(form.email));
  const name = read(() => parseName(form.name ?? ''));
  const memberKind = read(() => parseMemberKind(form.memberKind));
  const hcpcNumber = form.hcpcNumber?.trim() ? read(() => parseHcpcNumber(form.hcpcNumber!)) : undefined;
  const topics = read(() => parseTopics(form.topics));
  if (!form.declaration) {
    problems.push({ field: 'declaration', message: 'must be ticked: the group is for those it describes' });
  }
  const [first, ...others] = problems;
  if (first !== undefined) throw invalidInput(first, ...others);
  return { address: address!, name, memberKind: memberKind!, hcpcNumber, topics: topics! };
}
