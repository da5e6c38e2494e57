import type { Topic } from '../db/schema.ts';

/** The kinds of announcement that a person writes, how each is called, and whom it is for unless something else is said. */
export const DRAFT_KINDS = {
  meeting_invitation: {
    label: 'Meeting invitation',
    topic: 'meetings',
    archive: 'archiveMeetingInvitations',
  },
  training_bulletin: { label: 'Training bulletin', topic: 'training', archive: 'archiveTrainingBulletins' },
  vacancy_bulletin: { label: 'Vacancy bulletin', topic: 'vacancies', archive: 'archiveVacancyBulletins' },
  news: { label: 'News or policy', topic: 'news', archive: 'archiveNews' },
  request: { label: 'Request', topic: 'news', archive: 'archiveRequests' },
  group_rules: { label: 'Group rules', topic: 'news', archive: 'archiveGroupRules' },
  post_meeting_note: { label: 'Note after a meeting', topic: 'meetings', archive: 'archivePostMeetingNotes' },
} as const satisfies Record<string, { label: string; topic: Topic; archive: string }>;

export type DraftKind = keyof typeof DRAFT_KINDS;

export function isDraftKind(kind: string): kind is DraftKind {
  return Object.hasOwn(DRAFT_KINDS, kind);
}
