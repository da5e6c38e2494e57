create table settings (
  key text primary key,
  value jsonb not null,
  updated_at timestamptz not null
);

create table admins (
  id uuid primary key,
  email text not null,
  email_normalised text not null unique,
  name text not null,
  role text not null check (role in ('administrator', 'editor')),
  password_hash text not null,
  disabled_at timestamptz,
  created_at timestamptz not null
);

create table sessions (
  id_hash text primary key,
  admin_id uuid references admins (id) on delete cascade,
  data jsonb not null,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index sessions_expiry on sessions (expires_at);

create table audit_log (
  id uuid primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  subject text not null,
  before jsonb,
  after jsonb
);
create index audit_log_time on audit_log (at desc, id desc);

-- People ---------------------------------------------------------------------------------------------------

create table subscribers (
  id uuid primary key,
  email text not null,
  email_normalised text not null unique,
  name text,
  state text not null check (state in ('unconfirmed', 'active', 'left', 'removed')),
  member_kind text check (member_kind in ('occupational_therapist', 'student')),
  paused_until timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

-- One row per act. Rows are never changed or removed: each carries the hash of the one before it.
create table consent_events (
  seq bigint primary key,
  at timestamptz not null,
  subscriber_id uuid not null,
  topic text not null check (topic in ('meetings', 'training', 'vacancies', 'news')),
  act text not null check (act in ('given', 'withdrawn')),
  source text not null check (source in (
    'form', 'one_click', 'unsubscribe_page', 'preferences', 'administrator', 'import', 'mailerlite_webhook', 'mailerlite_sync'
  )),
  wording text,
  note text,
  evidence_hash text,
  previous_hash text not null,
  hash text not null unique
);
create index consent_events_subscriber on consent_events (subscriber_id, seq);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;
create trigger consent_events_append_only before update or delete on consent_events
  for each row execute function refuse_change();
create trigger consent_events_no_truncate before truncate on consent_events
  for each statement execute function refuse_change();

-- What a browser told about an act. Kept apart because it is personal data and goes when the person asks;
-- the ledger row holds its salted hash, so that the chain still verifies without it.
create table consent_evidence (
  seq bigint primary key references consent_events (seq),
  ip text,
  user_agent text,
  salt text not null
);

-- The folded state of the ledger, written in the same transaction as the event that it follows from.
create table topic_subscriptions (
  subscriber_id uuid not null references subscribers (id) on delete cascade,
  topic text not null,
  subscribed boolean not null,
  changed_at timestamptz not null,
  event_seq bigint not null references consent_events (seq),
  primary key (subscriber_id, topic)
);
create index topic_subscriptions_topic on topic_subscriptions (topic, subscriber_id) where subscribed;

create table suppressions (
  id uuid primary key,
  email_normalised text unique,
  email_hash text not null unique,
  reason text not null check (reason in ('bounced', 'complained', 'removed', 'erased')),
  detail text,
  at timestamptz not null
);

-- Meetings -------------------------------------------------------------------------------------------------

create table meeting_series (
  id uuid primary key,
  title text not null,
  description text not null default '',
  rule text not null,
  wall_time text not null,
  zone text not null,
  duration_minutes integer not null check (duration_minutes > 0),
  link text not null,
  reminders text[] not null,
  topic text not null,
  starts_on date not null,
  ends_on date,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  archived_at timestamptz
);

create table meetings (
  id uuid primary key,
  series_id uuid references meeting_series (id),
  original_date date,
  title text not null,
  description text not null default '',
  wall_start text not null,
  zone text not null,
  starts_at timestamptz not null,
  duration_minutes integer not null check (duration_minutes > 0),
  link text not null,
  reminders text[] not null,
  topic text not null,
  uid text not null unique,
  sequence integer not null default 0,
  status text not null check (status in ('scheduled', 'undecided', 'skipped', 'cancelled')),
  status_reason text,
  -- Set when the occurrence was changed by itself: an edit of the series then leaves it alone.
  customised boolean not null default false,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (series_id, original_date)
);
create index meetings_start on meetings (starts_at);

-- Announcements and the send ledger ------------------------------------------------------------------------

create table announcements (
  id uuid primary key,
  kind text not null,
  topic text not null,
  channel text not null default 'smtp' check (channel in ('smtp', 'mailerlite')),
  title text not null,
  meeting_id uuid references meetings (id),
  reminder_rule text,
  audience_kind text not null check (audience_kind in ('topic', 'told')),
  send_at timestamptz not null,
  zone text not null,
  late_after timestamptz not null,
  state text not null check (state in (
    'draft', 'awaiting_approval', 'approved', 'sending', 'sent', 'held', 'cancelled', 'missed', 'failed'
  )),
  state_reason text,
  state_at timestamptz not null,
  state_by text not null,
  -- The state to go back to when a held announcement is resumed.
  held_from text check (held_from in ('approved', 'sending')),
  -- What changed, for a correction: the values people were told before.
  previous jsonb,
  content jsonb,
  content_hash text,
  frozen_at timestamptz,
  chunks integer not null default 0,
  audience integer,
  -- Refusals in a row that are the sender's fault, over all workers: the run pauses itself when they pile up.
  sender_faults integer not null default 0,
  -- The meeting's SEQUENCE that this notice tells about.
  meeting_sequence integer,
  dedupe_key text not null unique,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index announcements_due on announcements (send_at) where state in ('approved', 'sending', 'awaiting_approval');
create index announcements_meeting on announcements (meeting_id);
create index announcements_time on announcements (send_at desc, id desc);

create table deliveries (
  id uuid primary key,
  announcement_id uuid not null references announcements (id),
  subscriber_id uuid references subscribers (id) on delete set null,
  -- Name and address as they were when the announcement was expanded.
  email text not null,
  email_normalised text not null,
  name text,
  chunk integer not null,
  state text not null check (state in (
    'pending', 'sending', 'sent', 'excluded', 'failed', 'unknown', 'cancelled'
  )),
  reason text,
  message_id text not null unique,
  attempts smallint not null default 0,
  next_attempt_at timestamptz,
  claimed_at timestamptz,
  claimed_by text,
  settled_at timestamptz,
  unique (announcement_id, subscriber_id),
  unique (announcement_id, email_normalised)
);
create index deliveries_pending on deliveries (announcement_id, chunk, next_attempt_at) where state = 'pending';
create index deliveries_in_flight on deliveries (claimed_at) where state = 'sending';
create index deliveries_subscriber on deliveries (subscriber_id);
create index deliveries_books on deliveries (announcement_id, state);

-- Mail that concerns one person only: a confirmation, a message to the administrator, a test.
create table service_mails (
  id uuid primary key,
  kind text not null,
  recipient_kind text not null check (recipient_kind in ('administrators', 'subscriber', 'address')),
  recipient text,
  data jsonb not null,
  dedupe_key text not null unique,
  state text not null check (state in ('pending', 'sending', 'sent', 'failed', 'unknown', 'cancelled')),
  reason text,
  attempts smallint not null default 0,
  next_attempt_at timestamptz,
  claimed_at timestamptz,
  created_at timestamptz not null,
  settled_at timestamptz
);
create index service_mails_pending on service_mails (next_attempt_at) where state in ('pending', 'sending');

-- Where mail goes while no mail server is configured.
create table outbox_messages (
  id uuid primary key,
  at timestamptz not null,
  recipient text not null,
  subject text not null,
  message_id text not null,
  delivery_id uuid,
  raw bytea not null
);
create index outbox_messages_time on outbox_messages (at desc, id desc);

-- Running --------------------------------------------------------------------------------------------------

create table heartbeats (
  name text primary key,
  at timestamptz not null,
  detail jsonb not null default '{}'
);

create table leases (
  name text primary key,
  holder text not null,
  expires_at timestamptz not null
);

create table job_failures (
  job_key text primary key,
  failures integer not null,
  reason text not null,
  failed_at timestamptz not null,
  retry_at timestamptz not null
);
