-- Who has left agreed to nothing any more, so that an audience is counted without looking them up: on a list of some
-- age there are thousands of them.
drop index subscribers_silent;
create index subscribers_silent on subscribers (id) where state in ('unconfirmed', 'removed');
