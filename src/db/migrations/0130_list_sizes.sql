-- How many people agreed to mail about each topic, and how many are in each state: the sums of these changes, written
-- by every statement that touches the rows that are counted. They are changes rather than one number each so that no
-- two transactions wait for each other; each transaction sees the sums that go with the rows it sees.
create table list_size_changes (
  -- A topic, or a state of people.
  counted text not null,
  change integer not null
);

create function count_topic_changes() returns trigger language plpgsql as $$
begin
  case tg_op
    when 'INSERT' then
      insert into list_size_changes (counted, change)
      select topic, count(*) from after_rows where subscribed group by topic;
    when 'DELETE' then
      insert into list_size_changes (counted, change)
      select topic, -count(*) from before_rows where subscribed group by topic;
    else
      insert into list_size_changes (counted, change)
      select topic, sum(n) from (
        select topic, 1 as n from after_rows where subscribed
        union all
        select topic, -1 from before_rows where subscribed
      ) x group by topic having sum(n) <> 0;
  end case;
  return null;
end $$;

create function count_state_changes() returns trigger language plpgsql as $$
begin
  case tg_op
    when 'INSERT' then
      insert into list_size_changes (counted, change) select state, count(*) from after_rows group by state;
    when 'DELETE' then
      insert into list_size_changes (counted, change) select state, -count(*) from before_rows group by state;
    else
      insert into list_size_changes (counted, change)
      select state, sum(n) from (
        select state, 1 as n from after_rows
        union all
        select state, -1 from before_rows
      ) x group by state having sum(n) <> 0;
  end case;
  return null;
end $$;

create trigger topic_subscriptions_inserted after insert on topic_subscriptions
  referencing new table as after_rows for each statement execute function count_topic_changes();
create trigger topic_subscriptions_updated after update on topic_subscriptions
  referencing old table as before_rows new table as after_rows for each statement execute function count_topic_changes();
create trigger topic_subscriptions_deleted after delete on topic_subscriptions
  referencing old table as before_rows for each statement execute function count_topic_changes();
create trigger subscribers_inserted after insert on subscribers
  referencing new table as after_rows for each statement execute function count_state_changes();
create trigger subscribers_updated after update on subscribers
  referencing old table as before_rows new table as after_rows for each statement execute function count_state_changes();
create trigger subscribers_deleted after delete on subscribers
  referencing old table as before_rows for each statement execute function count_state_changes();

insert into list_size_changes (counted, change)
select topic, count(*) from topic_subscriptions where subscribed group by topic;
insert into list_size_changes (counted, change)
select state, count(*) from subscribers group by state;

-- People who agreed and still get no mail are looked up when an audience is counted.
create index subscribers_silent on subscribers (id) where state <> 'active';
create index subscribers_paused on subscribers (paused_until) where paused_until is not null;
create index topic_subscriptions_on on topic_subscriptions (subscriber_id) include (topic) where subscribed;
