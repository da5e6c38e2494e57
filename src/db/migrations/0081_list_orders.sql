-- The orders in which the list of subscribers is read, page by page.
create index subscribers_by_name on subscribers (lower(coalesce(name, '')), email_normalised);
create index subscribers_by_age on subscribers (created_at desc, email_normalised);
create index complaints_email on complaints (lower(email));
create index audit_log_subject on audit_log (subject);
