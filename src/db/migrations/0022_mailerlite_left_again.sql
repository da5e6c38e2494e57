-- When somebody who had left said so once more: what they confirmed in MailerLite in between no longer counts.
alter table mailerlite_links add column left_again_at timestamptz;
