-- When a recipient's events happened, to find them by the address: the index of lists by recipient. recipient is
-- cityHash64 of the address. An entry is written before its event, and stays when the event moves to another time, so
-- it may name a time without one.
create table if not exists {events:recipient/recipient} (
	recipient  UInt64,
	kind       UInt8,                    -- as in message
	time       Int64
) engine = {replacing:}
partition by toYYYYMM(toDateTime(greatest(0, least(time, 4102444800)), 'UTC'))
order by (recipient, kind, time)
settings index_granularity = 512;

insert into recipient select cityHash64(ifNull(address, concat(local, '@', domain))), toUInt8(0), time from email;
insert into recipient select cityHash64(ifNull(address, concat(local, '@', domain))), toUInt8(1), time from bounce;
insert into recipient select cityHash64(ifNull(address, concat(local, '@', domain))), toUInt8(2), time
	from blocked_email;
