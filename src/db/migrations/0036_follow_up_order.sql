-- A backup fills the table row by row, in any order: the reference to another announcement is checked at the end.
alter table announcements alter constraint announcements_audience_of_fkey deferrable initially deferred;
