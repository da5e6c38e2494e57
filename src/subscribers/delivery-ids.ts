import { sql, type SQL } from 'drizzle-orm';

/** The ids of all deliveries that a person has or could have: a set for a condition in SQL, `id in …`. */
export function deliveryIdsOf(subscriberId: string): SQL {
  return sql`(select delivery_id(a.id, ${subscriberId}::uuid) from announcements a)`;
}
