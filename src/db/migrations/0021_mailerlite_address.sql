alter table mailerlite_links
  -- `email` is the address that both sides last agreed on; this is MailerLite's where it has another one.
  add column email_there text,
  -- When the person last opted out in MailerLite. The ledger knows only when that was heard of here.
  add column opted_out_at timestamptz;
