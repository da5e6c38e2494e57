-- An import that only says what it would do.
alter table import_runs add column check_only boolean not null default false;
