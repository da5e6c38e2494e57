-- The deliveries of one announcement are shown in the order of their addresses, from any place in it, also where the
-- announcement has few of a million. Nothing reads them in the order of their ids any more.
create index deliveries_by_address on deliveries (announcement_id, email_normalised, id);
drop index deliveries_page;
