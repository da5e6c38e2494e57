-- Rooms: meetings that Convenor makes at Zoom ---------------------------------------------------------------

-- A meeting whose link is the word "zoom" has its room made at Zoom.
create table zoom_meetings (
  meeting_id uuid primary key references meetings (id),
  host text not null,
  -- Stands in the agenda at Zoom, so that the meeting is found again when an answer was lost.
  marker text not null unique,
  passcode text not null,
  -- Zoom's number of the meeting; null before it is made and after it is gone.
  zoom_id text unique,
  join_url text,
  -- The values that Zoom was last given by us: what differs from them on our side is ours to push, what
  -- differs on the other side was changed there.
  pushed jsonb,
  pushed_sequence integer,
  -- Values found at Zoom that the administrator has agreed to.
  accepted jsonb not null default '{}',
  differences jsonb not null default '[]',
  -- When a create call was sent whose end is not known yet.
  create_sent_at timestamptz,
  -- When to look for a second meeting that a lost create call may have made after all.
  look_again_at timestamptz,
  -- When the meeting was found to be removed at Zoom.
  lost_at timestamptz,
  checked_at timestamptz,
  problem text,
  retry_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

-- Create and update calls per host: Zoom allows 100 in a UTC day.
create table zoom_host_days (
  host text not null,
  day date not null,
  calls integer not null,
  primary key (host, day)
);

create table zoom_events (
  dedupe_key text primary key,
  kind text not null,
  zoom_id text,
  at timestamptz not null,
  received_at timestamptz not null
);
create index zoom_events_received on zoom_events (received_at);

-- One run of a meeting at Zoom. A meeting that was ended and started again has several.
create table zoom_instances (
  uuid text primary key,
  meeting_id uuid not null references meetings (id),
  started_at timestamptz,
  ended_at timestamptz
);
create index zoom_instances_meeting on zoom_instances (meeting_id);

-- Answers to invitations, attendance, certificates ----------------------------------------------------------

create table rsvps (
  meeting_id uuid not null references meetings (id),
  subscriber_id uuid not null references subscribers (id) on delete cascade,
  answer text not null check (answer in ('yes', 'no', 'maybe')),
  answered_at timestamptz not null,
  primary key (meeting_id, subscriber_id)
);
create index rsvps_subscriber on rsvps (subscriber_id);

-- Whether and from where the list of those who came was taken.
create table attendance_lists (
  meeting_id uuid primary key references meetings (id),
  source text check (source in ('zoom', 'file')),
  session_from timestamptz,
  session_to timestamptz,
  taken_at timestamptz,
  problem text,
  retry_at timestamptz,
  attempts integer not null default 0
);

create table attendances (
  id uuid primary key,
  meeting_id uuid not null references meetings (id),
  -- Null for a guest, and while nobody has said who it is.
  subscriber_id uuid references subscribers (id) on delete cascade,
  matched_by text check (matched_by in ('email', 'rsvp', 'person')),
  -- Somebody of the same name, for the administrator to confirm.
  suggested_id uuid references subscribers (id) on delete set null,
  names text[] not null,
  email_normalised text,
  by_phone boolean not null,
  seconds integer not null,
  proven_seconds integer not null,
  joins integer not null,
  first_joined_at timestamptz,
  last_left_at timestamptz,
  unique (meeting_id, subscriber_id),
  check ((subscriber_id is null) = (matched_by is null))
);
create index attendances_subscriber on attendances (subscriber_id);
create index attendances_email on attendances (email_normalised);

-- What belongs to a meeting after it: for certificates and for the note to those who came.
create table follow_ups (
  meeting_id uuid primary key references meetings (id),
  learning_aims text not null default '',
  slides_url text,
  recording_url text,
  note text not null default '',
  updated_at timestamptz not null
);

-- Everything on a certificate as it was when it was issued.
create table certificates (
  id uuid primary key,
  meeting_id uuid not null references meetings (id),
  subscriber_id uuid not null references subscribers (id) on delete cascade,
  check_code text not null unique,
  name text not null,
  title text not null,
  held_at timestamptz not null,
  zone text not null,
  minutes integer not null check (minutes > 0),
  learning_aims text not null,
  organisation text not null,
  group_name text not null,
  issued_at timestamptz not null,
  issued_by text not null,
  revoked_at timestamptz,
  revoked_by text,
  revoke_reason text
);
create unique index certificates_valid on certificates (meeting_id, subscriber_id) where revoked_at is null;
create index certificates_subscriber on certificates (subscriber_id);

-- Two questions after a meeting. The respondent is a digest, so that a second answer replaces the first
-- without a name standing beside either.
create table survey_answers (
  meeting_id uuid not null references meetings (id),
  respondent uuid not null,
  usefulness smallint not null check (usefulness between 1 and 5),
  wish text not null default '',
  answered_at timestamptz not null,
  primary key (meeting_id, respondent)
);
