-- Which MailerLite group stands for which topic.
create table mailerlite_topics (
  topic text primary key check (topic in ('meetings', 'training', 'vacancies', 'news')),
  group_id text not null unique,
  group_name text not null,
  mapped_at timestamptz not null
);

-- What MailerLite showed or confirmed last about a person: what differs from it there was changed there, what
-- differs from it here was changed here.
alter table mailerlite_links
  add column email text,
  add column status text check (status in ('active', 'unsubscribed', 'unconfirmed', 'bounced', 'junk', 'gone')),
  add column topics text[] not null default '{}',
  add column seen_at timestamptz,
  add column seen_run uuid,
  -- Tries of the present push that MailerLite did not take, and when the next may be made.
  add column attempts integer not null default 0,
  add column retry_at timestamptz,
  -- The end of the pause that the last push followed: then the groups are due again.
  add column paused_until timestamptz;
create index mailerlite_links_run on mailerlite_links (seen_run) where mailerlite_id is not null;
create index mailerlite_links_paused on mailerlite_links (paused_until) where paused_until is not null;

-- One comparison of both lists. The position is saved with each page, so that another process can go on from it.
create table sync_runs (
  id uuid primary key,
  trigger text not null check (trigger in ('nightly', 'demand')),
  started_by text not null,
  state text not null check (state in ('running', 'done', 'failed')),
  -- The state of subscribers that is being read, or 'missing': those who are no longer listed.
  phase text not null,
  cursor text,
  position integer not null default 0,
  page_size integer not null,
  first boolean not null,
  counts jsonb not null,
  reason text,
  started_at timestamptz not null,
  updated_at timestamptz not null,
  finished_at timestamptz
);
create unique index sync_runs_one on sync_runs ((true)) where state = 'running';
create index sync_runs_time on sync_runs (started_at desc);

-- What happened in MailerLite, as its webhook told. Ids and times only: the person is read again before anything
-- but an opt-out follows from it.
create table mailerlite_events (
  dedupe_key text primary key,
  name text not null,
  mailerlite_id text,
  status text,
  unsubscribed_at timestamptz,
  received_at timestamptz not null,
  handled_at timestamptz
);
create index mailerlite_events_waiting on mailerlite_events (received_at) where handled_at is null;
create index mailerlite_events_received on mailerlite_events (received_at);

-- What the two lists do not agree on and no rule decides: for a person to look at.
create table sync_differences (
  id uuid primary key,
  kind text not null check (kind in (
    'not_taken_back', 'came_back_there', 'gone_there', 'refused', 'address_differs', 'unconfirmed_there',
    'erased_returned'
  )),
  subscriber_id uuid references subscribers (id) on delete cascade,
  mailerlite_id text,
  detail text not null default '',
  found_at timestamptz not null,
  resolved_at timestamptz,
  resolved_by text,
  resolution text
);
create unique index sync_differences_open on sync_differences (kind, coalesce(subscriber_id::text, mailerlite_id))
  where resolved_at is null;
create index sync_differences_subscriber on sync_differences (subscriber_id);
create index sync_differences_time on sync_differences (found_at desc, id desc);
