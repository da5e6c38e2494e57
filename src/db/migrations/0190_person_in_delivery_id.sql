-- Every index is written for every delivery when it is planned, claimed and settled. The id of a delivery follows from its
-- announcement and its person: the primary key promises one delivery for each person, and a person's deliveries are found
-- by it with one look for each announcement.
create function delivery_id(announcement uuid, subscriber uuid) returns uuid language sql immutable parallel safe as $$
  select md5(announcement::text || ':' || subscriber::text)::uuid
$$;

alter table deliveries drop constraint deliveries_once_per_person;

-- Whoever is deleted while an announcement is being expanded is in deliveries that cannot be seen yet: these are waited for,
-- by a lock of which the expansion holds a share. To lock every person instead took an eighth of its time.
create or replace function forget_subscriber_in_deliveries() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock(726011004);
  update deliveries set subscriber_id = null
  where id in (select delivery_id(a.id, old.id) from announcements a) and subscriber_id = old.id;
  return null;
end $$;
