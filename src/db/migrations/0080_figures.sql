-- How the list grew: people whose agreement to a topic began and ended, by month on the group's clock. A fold of
-- the consent ledger; the topic 'any' counts people who came to the list and who left it altogether.
create table consent_months (
  month date not null,
  topic text not null,
  began integer not null,
  ended integer not null,
  primary key (month, topic)
);

-- The row of the ledger up to which the months are counted.
create table consent_months_until (
  id boolean primary key default true check (id),
  seq bigint not null
);

-- The books of an announcement that has gone out and in which nothing can change any more.
alter table announcements add column books jsonb;

create index deliveries_unknown on deliveries (announcement_id) where state = 'unknown';
create index attendance_lists_taken on attendance_lists (taken_at) where taken_at is not null;
