-- Items that members and employers hand in -----------------------------------------------------------------

create table items (
  id uuid primary key,
  kind text not null check (kind in ('vacancy', 'training', 'request')),
  state text not null check (state in (
    'submitted', 'awaiting_review', 'asked', 'approved', 'rejected', 'withdrawn', 'expired'
  )),
  state_reason text,
  state_at timestamptz not null,
  state_by text not null,
  -- The role of a vacancy, the name of a training event, the first words of a request.
  title text not null,
  -- The employer or the provider.
  organisation text not null default '',
  place text not null default '',
  online boolean not null default false,
  link text,
  contact text not null default '',
  pay text not null default '',
  hours text not null default '',
  contract text not null default '',
  cost text not null default '',
  cpd_hours text not null default '',
  text text not null default '',
  -- When a training event is: from and to on the wall clock, or whole days.
  wall_start text,
  wall_end text,
  dates text[] not null default '{}',
  zone text not null,
  starts_at timestamptz,
  -- The last day on which the item is of use, and the instant at which it drops out.
  closes_on date not null,
  open_until timestamptz not null,
  -- Rises with every change of the details; also the SEQUENCE of its calendar entries.
  sequence integer not null default 0,
  -- The earlier item that this one seems to repeat.
  duplicate_of uuid references items (id) on delete set null,
  confirmed_at timestamptz,
  -- The administrator's agreement: who, when, on what terms.
  agreed_at timestamptz,
  agreed_by text,
  agreement text,
  -- The terms of business that were accepted: which wording (`vacancy-terms@2`), when and how.
  terms text,
  terms_accepted_at timestamptz,
  terms_accepted_how text,
  search text generated always as (
    lower(title || ' ' || organisation || ' ' || place || ' ' || text)
  ) stored,
  sort_at timestamptz not null generated always as (coalesce(starts_at, open_until)) stored,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index items_soonest on items (sort_at, id) where state = 'approved';
create index items_state on items (state, id);
create index items_closing on items (open_until) where state in ('awaiting_review', 'asked', 'approved');
create index items_kind on items (kind, id);

-- Who handed an item in: personal data, kept apart because it goes as soon as it is not needed.
create table item_submitters (
  item_id uuid primary key references items (id) on delete cascade,
  name text,
  email text not null,
  email_normalised text not null
);
create index item_submitters_email on item_submitters (email_normalised);

create table item_reviews (
  id uuid primary key,
  item_id uuid not null references items (id) on delete cascade,
  at timestamptz not null,
  actor text not null,
  kind text not null check (kind in (
    'submitted', 'confirmed', 'edited', 'asked', 'answered', 'approved', 'rejected', 'withdrawn', 'expired'
  )),
  text text not null default ''
);
create index item_reviews_item on item_reviews (item_id, id);

-- Bulletins ------------------------------------------------------------------------------------------------

create table bulletin_schedules (
  id uuid primary key,
  topic text not null check (topic in ('training', 'vacancies')),
  rule text not null,
  wall_time text not null,
  zone text not null,
  -- 'automatic': it goes out unless somebody stops it. 'wait': it goes out when somebody approves it.
  approval text not null check (approval in ('automatic', 'wait')),
  introduction text not null default '',
  starts_on date not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  archived_at timestamptz
);
create unique index bulletin_schedules_topic on bulletin_schedules (topic) where archived_at is null;

-- The announcement that is the bulletin of a schedule for a date.
create table bulletins (
  announcement_id uuid primary key references announcements (id),
  schedule_id uuid not null references bulletin_schedules (id),
  date date not null,
  -- In place of the schedule's introduction.
  introduction text,
  unique (schedule_id, date)
);

-- What a bulletin carries. An item is in one bulletin only.
create table bulletin_items (
  item_id uuid primary key references items (id) on delete cascade,
  announcement_id uuid not null references bulletins (announcement_id)
);
create index bulletin_items_announcement on bulletin_items (announcement_id);
