/** One fact about the Redis in use, as `doctor` and the health page show it. */
export interface RedisFinding {
  readonly check: 'version' | 'eviction' | 'persistence';
  readonly state: 'ok' | 'warning' | 'problem';
  readonly detail: string;
  /** What to do about it; set unless the state is `ok`. */
  readonly advice?: string;
}
