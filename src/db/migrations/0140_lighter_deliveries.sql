-- Expanding an announcement writes one row per recipient, and each of these references was checked by a query of its own
-- per row, a third of the whole work. The statement that expands takes its rows from these very tables and locks the
-- subscribers until it commits, so that nobody is erased meanwhile; an announcement with deliveries is never removed.
alter table deliveries
  drop constraint deliveries_announcement_id_fkey,
  drop constraint deliveries_subscriber_id_fkey;

create function forget_subscriber_in_deliveries() returns trigger language plpgsql as $$
begin
  update deliveries set subscriber_id = null where subscriber_id = old.id;
  return null;
end $$;
create trigger subscribers_forgotten_in_deliveries after delete on subscribers
  for each row execute function forget_subscriber_in_deliveries();
