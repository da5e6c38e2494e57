import type { Topic } from '../../src/db/schema.ts';

/** The topics that have a group in MailerLite. */
export const TOPICS = ['meetings', 'training'] as const;

/** The newest act of a person themselves about a topic. */
interface Wish {
  readonly on: boolean;
  /** In MailerLite, by leaving the list or the group; in whole seconds, as its reports say. */
  readonly there?: { readonly event: string; readonly at: string };
  /** It left a trace in MailerLite at which a comparison can see it. */
  traced: boolean;
  reported: boolean;
}

/**
 * The newest act of each person themselves about each topic. An act in MailerLite that nobody can see in the state
 * that it left, since somebody else undid it or it undid what was not known here, counts if its report arrives.
 */
export class Wishes {
  readonly #newest = new Map<string, Wish>();

  note(email: string, topics: readonly Topic[], on: boolean): void {
    for (const one of topics) this.#newest.set(`${email} ${one}`, { on, traced: true, reported: true });
  }

  left(
    email: string,
    topics: readonly Topic[],
    there: { event: string; at: string },
    traced: (topic: Topic) => boolean,
  ): void {
    for (const one of topics) {
      this.#newest.set(`${email} ${one}`, { on: false, there, traced: traced(one), reported: true });
    }
  }

  /** Somebody else has undone what the person did there. */
  cover(email: string, topics: readonly Topic[]): void {
    for (const one of topics) {
      const wish = this.#newest.get(`${email} ${one}`);
      if (wish?.there !== undefined) wish.traced = false;
    }
  }

  /** A report got lost. */
  lose({
    name,
    email,
    at,
    topic,
  }: {
    name: string;
    email: string;
    at: string;
    topic: Topic | undefined;
  }): void {
    for (const one of topic === undefined ? TOPICS : [topic]) {
      const wish = this.#newest.get(`${email} ${one}`);
      if (wish?.there?.event === name && wish.there.at === at) wish.reported = false;
    }
  }

  refused(email: string, one: Topic): boolean {
    const wish = this.#newest.get(`${email} ${one}`);
    return wish !== undefined && !wish.on && (wish.traced || wish.reported);
  }
}
