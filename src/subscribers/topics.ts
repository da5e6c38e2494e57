import { TOPICS, type Topic } from '../db/schema.ts';
import { invalidInput } from '../kernel/errors.ts';

/**
 * Reads names of topics, in any case and order.
 *
 * @throws ConvenorError `invalid_input` for `topics` that names the unknown one, or when there is none.
 */
export function parseTopics(texts: readonly string[]): Topic[] {
  const wanted = new Set(texts.map((text) => text.trim().toLowerCase()));
  for (const text of wanted) {
    if (!TOPICS.some((topic) => topic === text)) {
      throw invalidInput({
        field: 'topics',
        message: `"${text.slice(0, 40)}" is not a topic; expected ${TOPICS.join(', ')}`,
      });
    }
  }
  if (wanted.size === 0) throw invalidInput({ field: 'topics', message: 'must name at least one topic' });
  return TOPICS.filter((topic) => wanted.has(topic));
}
