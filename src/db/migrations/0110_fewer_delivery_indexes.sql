-- Every index is written for every delivery when an announcement is expanded, when it is claimed and when it is settled.
-- One index serves both the promise of one delivery per person and address and the questions about a person's deliveries;
-- a Message-ID follows from the delivery's id, which is unique itself.
alter table deliveries
  drop constraint deliveries_message_id_key,
  drop constraint deliveries_announcement_id_subscriber_id_key,
  drop constraint deliveries_announcement_id_email_normalised_key,
  add constraint deliveries_once_per_person unique (subscriber_id, announcement_id),
  add constraint deliveries_once_per_address unique (email_normalised, announcement_id);
drop index deliveries_subscriber;
drop index deliveries_email;
