-- Whether the plan refused to take the content by the API; null as long as MailerLite was not asked.
alter table campaigns add column content_refused boolean;
