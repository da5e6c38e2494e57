-- A note after a meeting goes to the people of the list who were there.
alter table announcements drop constraint announcements_audience_kind_check;
alter table announcements add constraint announcements_audience_kind_check check (
  audience_kind in ('topic', 'told', 'missed', 'got', 'attended')
  and (audience_kind in ('missed', 'got')) = (audience_of is not null)
  and (audience_kind <> 'attended' or meeting_id is not null)
);
