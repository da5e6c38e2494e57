-- Pages of the deliveries of one announcement, all or of one state, are read in the order of their ids.
create index deliveries_page on deliveries (announcement_id, id);
drop index deliveries_books;
create index deliveries_books on deliveries (announcement_id, state, id);

-- A claim takes those that were tried least, in the order of their ids.
drop index deliveries_pending;
create index deliveries_pending on deliveries (announcement_id, chunk, attempts, id) where state = 'pending';
