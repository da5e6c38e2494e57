-- The authenticator app of somebody who signs in. The secret is encrypted with a key of the installation.
create table second_factors (
  admin_id uuid primary key references admins (id) on delete cascade,
  secret text not null,
  created_at timestamptz not null,
  -- Set once the person has proved that the app has the secret; until then it is not asked for.
  confirmed_at timestamptz,
  -- The time step of the last code that was taken: each code works once (RFC 6238 section 5.2).
  last_step bigint not null default 0
);

create table recovery_codes (
  admin_id uuid not null references second_factors (admin_id) on delete cascade,
  code_hash text not null,
  used_at timestamptz,
  primary key (admin_id, code_hash)
);
