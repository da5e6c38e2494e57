/** The database on the suite's Postgres server that is migrated and otherwise empty. */
export const POSTGRES_TEMPLATE = 'migrated';
