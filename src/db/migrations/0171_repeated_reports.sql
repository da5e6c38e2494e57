-- MailerLite's reports have neither number nor time: the very words of an earlier one may tell of something new.
alter table mailerlite_events add column repeated_at timestamptz;
