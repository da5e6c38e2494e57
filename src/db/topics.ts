/** What mail is about. Each is agreed to on its own. */
export const TOPICS = ['meetings', 'training', 'vacancies', 'news'] as const;
export type Topic = (typeof TOPICS)[number];
