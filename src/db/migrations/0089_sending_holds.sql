-- While a row is not released, nothing is handed to a mail server: the database was restored to an earlier moment
-- and may have forgotten what went out since.
create table sending_holds (
  id uuid primary key,
  reason text not null,
  -- The moment that the database was taken back to, where it is known.
  restored_to timestamptz,
  since timestamptz not null,
  released_at timestamptz,
  released_by text
);
create unique index sending_holds_open on sending_holds ((released_at is null)) where released_at is null;

-- Deliveries of which something outside the database knows that they went out, also of announcements that have no
-- deliveries here yet: their ids follow from announcement and subscriber.
create table remembered_deliveries (
  delivery_id uuid primary key,
  at timestamptz,
  outcome text not null check (outcome in ('sent', 'unknown')),
  source text not null
);

-- What is wrong at this moment, and when the administrators were told by mail.
create table alarms (
  kind text primary key,
  since timestamptz not null,
  told_at timestamptz not null
);
