/** How much work of one job stands in Redis. */
export interface QueueCounts {
  readonly job: string;
  readonly waiting: number;
  readonly active: number;
  readonly failed: number;
}
