-- What the group's policy asks of a member, and how a person came to the list.
alter table subscribers
  add column hcpc_number text,
  add column declared_at timestamptz,
  add column declaration_wording text,
  add column invited_by uuid references subscribers (id) on delete set null,
  add column confirmed_at timestamptz,
  -- When the person left or was removed; retention counts from here.
  add column left_at timestamptz,
  -- What the search looks through: address and name in lower case.
  add column search text generated always as (
    email_normalised || ' ' || lower(coalesce(name, '')) ||
    case when lower(email) = email_normalised then '' else ' ' || lower(email) end
  ) stored;
create index subscribers_state on subscribers (state, email_normalised);
create index subscribers_left on subscribers (left_at) where left_at is not null;
create index subscribers_invited_by on subscribers (invited_by) where invited_by is not null;

-- 'lapsed': the wording changed and an earlier agreement does not cover the new one. Nobody withdrew anything.
alter table consent_events drop constraint consent_events_act_check;
alter table consent_events add constraint consent_events_act_check check (act in ('given', 'withdrawn', 'lapsed'));
create index topic_subscriptions_event on topic_subscriptions (event_seq);

-- The texts that people agree to. A version is never changed: what somebody was told can always be shown.
create table consent_wordings (
  key text not null,
  version integer not null check (version > 0),
  text text not null,
  -- Whether an agreement to the version before still counts.
  covers_earlier boolean not null,
  created_at timestamptz not null,
  created_by text not null,
  primary key (key, version)
);
create trigger consent_wordings_append_only before update or delete on consent_wordings
  for each row execute function refuse_change();

-- A form that was sent in and waits for the person to confirm the address.
create table join_requests (
  id uuid primary key,
  subscriber_id uuid not null references subscribers (id) on delete cascade,
  name text,
  member_kind text not null check (member_kind in ('occupational_therapist', 'student')),
  hcpc_number text,
  declaration_wording text not null,
  topics text[] not null,
  wordings text[] not null,
  invited_by uuid references subscribers (id) on delete set null,
  ip text,
  user_agent text,
  requested_at timestamptz not null,
  expires_at timestamptz not null,
  confirmed_at timestamptz
);
create index join_requests_subscriber on join_requests (subscriber_id, requested_at desc);
create index join_requests_expiry on join_requests (expires_at) where confirmed_at is null;

-- What MailerLite must still be told: rows whose wanted version is ahead of the done version. Opt-outs are urgent.
create table mailerlite_links (
  subscriber_id uuid primary key references subscribers (id) on delete cascade,
  mailerlite_id text unique,
  wanted_version integer not null default 0,
  done_version integer not null default 0,
  urgent boolean not null default false,
  wanted_at timestamptz not null,
  done_at timestamptz
);
create index mailerlite_links_wanted on mailerlite_links (urgent desc, wanted_at, subscriber_id)
  where wanted_version > done_version;

-- People who were erased here and whom MailerLite is asked to forget.
create table mailerlite_forgets (
  mailerlite_id text primary key,
  requested_at timestamptz not null,
  done_at timestamptz
);
create index mailerlite_forgets_wanted on mailerlite_forgets (requested_at) where done_at is null;

create table complaints (
  id uuid primary key,
  reference text not null unique,
  received_at timestamptz not null,
  -- Acknowledged at the latest (Data Protection Act 2018, section 164A: 30 days).
  acknowledge_by timestamptz not null,
  name text,
  email text,
  text text not null,
  state text not null check (state in ('open', 'acknowledged', 'closed')),
  acknowledged_at timestamptz,
  closed_at timestamptz
);
create index complaints_waiting on complaints (acknowledge_by) where state = 'open';
create index complaints_time on complaints (received_at desc, id desc);

create table complaint_events (
  id uuid primary key,
  complaint_id uuid not null references complaints (id) on delete cascade,
  at timestamptz not null,
  actor text not null,
  kind text not null check (kind in ('received', 'acknowledged', 'note', 'closed', 'reopened')),
  text text not null default ''
);
create index complaint_events_complaint on complaint_events (complaint_id, id);
create index service_mails_recipient on service_mails (recipient);
create index deliveries_email on deliveries (email_normalised);
