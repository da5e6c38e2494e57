-- The log of what was done is read by what it was done to and by whom, the newest first.
create index audit_log_thing on audit_log (split_part(action, '.', 1), id);
create index audit_log_actor on audit_log (actor, id);
