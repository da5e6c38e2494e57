import type { Topic } from '../db/schema.ts';
import type { SettingKey } from '../organisation/settings.ts';

/** The kinds of announcement that a person writes: whom each is for unless something else is said, and the setting of its archive. */
export const DRAFT_KINDS = {
  meeting_invitation: {
    topic: 'meetings',
    archive: 'archiveMeetingInvitations',
  },
  training_bulletin: { topic: 'training', archive: 'archiveTrainingBulletins' },
  vacancy_bulletin: { topic: 'vacancies', archive: 'archiveVacancyBulletins' },
  news: { topic: 'news', archive: 'archiveNews' },
  request: { topic: 'news', archive: 'archiveRequests' },
  group_rules: { topic: 'news', archive: 'archiveGroupRules' },
  post_meeting_note: { topic: 'meetings', archive: 'archivePostMeetingNotes' },
} as const satisfies Record<string, { topic: Topic; archive: SettingKey }>;

export type DraftKind = keyof typeof DRAFT_KINDS;

export function isDraftKind(kind: string): kind is DraftKind {
  return Object.hasOwn(DRAFT_KINDS, kind);
}
