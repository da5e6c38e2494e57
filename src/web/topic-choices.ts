import { TOPICS, type Topic } from '../db/schema.ts';
import { TOPIC_WORDS } from './words.ts';

/** A box for each topic, ticked where it is among the chosen. */
export function topicChoices(chosen: readonly string[]) {
  return TOPICS.map((topic: Topic) => ({ topic, label: TOPIC_WORDS[topic], chosen: chosen.includes(topic) }));
}
