-- Announcements that go out as a campaign of MailerLite -------------------------------------------------------

-- A group of MailerLite is a topic; no other audience can be sent to there.
alter table announcements add constraint announcements_mailerlite_audience check (
  channel = 'smtp' or audience_kind = 'topic'
);
alter table announcements add constraint announcements_by_channel unique (id, channel);

-- One campaign for each announcement of that channel, and how far it is. While there is one, the announcement
-- cannot change to the other channel.
create table campaigns (
  announcement_id uuid primary key,
  channel text not null default 'mailerlite' check (channel = 'mailerlite'),
  step text not null default 'write' check (step in (
    -- To be looked for, else made; or to be written anew.
    'write',
    -- Complete in MailerLite, as a draft.
    'written',
    -- A person has to finish it in MailerLite.
    'by_hand',
    -- About to be handed over for sending, or handed over without an answer.
    'scheduling', 'scheduled',
    'sent',
    -- The send ledger says who got it; who left by it is looked at once more after a day.
    'settled', 'done',
    -- Removed from MailerLite.
    'withdrawn'
  )),
  mailerlite_id text unique,
  -- Since when a request to make it may be under way.
  asked_at timestamptz,
  -- The hash of the approved content that was written into it.
  content_hash text,
  -- What it says and to whom, as MailerLite showed it when we had written it: another one is an edit by hand.
  fingerprint text,
  -- How many would get it by MailerLite's count, and by ours, at the last look.
  recipients integer,
  expected integer,
  -- How many got it who are not known here.
  strangers integer not null default 0,
  -- What is in the way, or what was out of order, in a sentence.
  problem text,
  sender_there text,
  failures integer not null default 0,
  next_at timestamptz,
  looked_at timestamptz,
  scheduled_for timestamptz,
  sent_at timestamptz,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  foreign key (announcement_id, channel) references announcements (id, channel)
);

-- What has begun to go out by one channel cannot go on by the other.
create function announcement_keeps_channel() returns trigger language plpgsql as $$
begin
  if exists (
    select 1 from deliveries d
    where d.announcement_id = old.id and d.state in ('sending', 'sent', 'failed', 'unknown')
  ) then
    raise exception 'announcement % has begun to go out by %', old.id, old.channel;
  end if;
  return new;
end
$$;
create trigger announcements_keep_channel before update of channel on announcements
  for each row when (old.channel is distinct from new.channel) execute function announcement_keeps_channel();
