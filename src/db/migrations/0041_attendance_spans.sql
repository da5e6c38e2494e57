-- When somebody was there, as [from, to] pairs: to add a device that a person recognises later without
-- counting the same minutes twice.
alter table attendances add column spans jsonb not null default '[]';
