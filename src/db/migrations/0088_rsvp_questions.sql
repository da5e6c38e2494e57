-- What somebody who answers an invitation would like to ask at the meeting.
alter table rsvps add column question text not null default '';
-- When an administrator asked for the list to be taken from Zoom now, whatever was taken or failed before.
alter table attendance_lists add column asked_at timestamptz;
