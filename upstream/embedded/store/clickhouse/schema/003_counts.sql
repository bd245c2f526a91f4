-- Counts by hour, so that counts of long windows do not read all events: see hours.go. They are counted from the events
-- once an hour is at rest.

-- The writes that changed events of an hour. They add to "opened" before, and to "closed" afterwards.
create table if not exists {shared:mark} (
	kind    UInt8,                       -- as in message
	hour    Int64,                       -- its start, in Unix seconds
	slot    Int64,                       -- when the write began or ended, in 10 minutes since 1970
	opened  Int64,
	closed  Int64
) engine = {summing:}
order by (kind, hour, slot);

-- What was counted in an hour: an element for each sender. It is valid while no further write has changed the hour,
-- that is, while the stamp is the sum of all "opened" and "closed" of the hour.
create table if not exists {shared:tally} (
	kind       UInt8,
	hour       Int64,
	stamp      Int64,
	user_id    Array(Int64),
	sender_id  Array(Int64),
	total      Array(UInt64),
	hard       Array(UInt64),
	soft       Array(UInt64)
) engine = {replacing:stamp}
order by (kind, hour);

insert into mark select toUInt8(0), toInt64(floor(time / 3600)) * 3600 as hour, toInt64(0), toInt64(1), toInt64(1)
	from email group by hour;
insert into mark select toUInt8(1), toInt64(floor(time / 3600)) * 3600 as hour, toInt64(0), toInt64(1), toInt64(1)
	from bounce group by hour;
insert into mark select toUInt8(2), toInt64(floor(time / 3600)) * 3600 as hour, toInt64(0), toInt64(1), toInt64(1)
	from blocked_email group by hour;
