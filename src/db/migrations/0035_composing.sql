-- Announcements that a person writes, and their approval -----------------------------------------------------

alter table announcements drop constraint announcements_audience_kind_check;
alter table announcements add column audience_of uuid references announcements (id);
alter table announcements add constraint announcements_audience_kind_check check (
  audience_kind in ('topic', 'told', 'missed', 'got')
  -- 'missed': who did not get that other announcement. 'got': who did.
  and (audience_kind in ('missed', 'got')) = (audience_of is not null)
);

create table drafts (
  announcement_id uuid primary key references announcements (id) on delete cascade,
  subject text not null,
  -- Markdown.
  body text not null,
  -- `YYYY-MM-DDTHH:MM` on the wall clock of the announcement's zone; null for "when approved".
  send_wall text,
  -- When what it says is over: from then on it is not in the archive.
  expires_at timestamptz,
  -- Rises with every edit.
  revision integer not null default 1,
  written_by text not null,
  -- What goes out, as it was approved, with its hash. Gone with any edit.
  approved_content jsonb,
  approved_hash text,
  approved_at timestamptz,
  approved_by text,
  undo_until timestamptz,
  -- The warnings that were confirmed with the approval.
  confirmed_warnings jsonb not null default '[]',
  -- What asking the servers behind its links gave, and for which revision.
  link_findings jsonb not null default '[]',
  links_checked_revision integer
);

create table whatsapp_posts (
  announcement_id uuid primary key references announcements (id) on delete cascade,
  posted_at timestamptz not null,
  posted_by text not null
);
