-- Which group a report is about, and when the person was changed in MailerLite.
alter table mailerlite_events
  add column group_id text,
  add column changed_at timestamptz;

-- When we last took somebody out of groups although they still want the mail, as for a pause: the report of that is
-- no act of theirs.
alter table mailerlite_links add column taken_out_at timestamptz[] not null default '{}';
