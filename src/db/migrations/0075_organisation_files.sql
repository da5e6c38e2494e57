-- Pictures of the organisation, such as its logo. The setting of the same name says that there is one.
create table organisation_files (
  name text primary key check (name in ('logo')),
  type text not null check (type in ('image/png', 'image/jpeg', 'image/webp')),
  content bytea not null,
  updated_at timestamptz not null
);
