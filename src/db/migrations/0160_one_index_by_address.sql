-- Every index is written for every delivery when it is planned, claimed and settled. One serves the promise of one delivery
-- per address, the list in the order of addresses and, announcement by announcement, the erasure of an address; the counts
-- need no ids.
create unique index deliveries_address on deliveries (announcement_id, email_normalised);
drop index deliveries_by_address;
alter table deliveries drop constraint deliveries_once_per_address;
alter table deliveries add constraint deliveries_once_per_address unique using index deliveries_address;
drop index deliveries_books;
create index deliveries_books on deliveries (announcement_id, state);
