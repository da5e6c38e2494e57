alter table sync_runs
  -- So many people were no longer listed that the run was given up.
  add column missing integer,
  -- An administrator has said that up to so many were removed in MailerLite on purpose.
  add column missing_expected integer not null default 0;
