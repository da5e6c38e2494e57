-- An import that was started on the administrators' pages: how far it is, and what came of it.
create table import_runs (
  id uuid primary key,
  file_name text not null,
  started_by text not null,
  started_at timestamptz not null,
  -- Renewed while the import runs: one that stopped doing so was interrupted.
  progress_at timestamptz not null,
  lines integer not null default 0,
  lines_in_all integer,
  result jsonb,
  problem text,
  finished_at timestamptz
);
create index import_runs_time on import_runs (started_at desc);
