-- The store of DeliveryGraph: emails, bounces and blocked emails of the metrics API.
--
-- The tables below are for the program. To ask questions, use the views at the end:
-- emails, bounces, blocked_emails and senders. docs/sql.md shows how.
--
-- The id of an event is its time and its place in the order of lists:
--
--	id = unix second << 20 | place within that second
--
-- So the rows of a table lie in list order (time, email id, recipient, user, sender),
-- and so do the entries of each index on one column. A window of time is a range of ids:
-- id >= unixepoch('2026-11-01') << 20.

-- Dictionaries: texts that many rows share.

create table domain (
	id   integer primary key,
	name text not null unique           -- in lower case
) strict;

create table header (
	id    integer primary key,
	name  text not null,                -- case-folded
	value text not null,
	unique (name, value)
) strict;

-- The approved From addresses.
create table sender (
	id      integer primary key,
	user_id integer not null,
	address text    not null
) strict;

create index sender_address on sender (address);

-- The events. A recipient is local@domain; address is set only where it is not.

create table email (
	id        integer primary key,      -- process time and place
	user_id   integer not null,
	sender_id integer not null,
	email_id  text    not null,
	local     text    not null,
	domain_id integer not null references domain,
	address   text,
	headers   text,                     -- a JSON object, or null
	delivered integer not null          -- 1, or 0 if it bounced or was blocked
) strict;

create table bounce (
	id            integer primary key,  -- bounce time and place
	user_id       integer not null,
	sender_id     integer not null,
	email_id      text    not null,
	local         text    not null,
	domain_id     integer not null references domain,
	address       text,
	headers       text,
	process_time  integer not null,     -- Unix seconds
	postback_time integer not null,     -- Unix seconds, or 0
	type          text    not null,     -- hard or soft
	category      text    not null,     -- such as bad-mailbox
	code          text    not null,     -- such as 5.1.1
	rule          text    not null,     -- the rule that matched
	diagnostic    text    not null      -- what the receiving server said
) strict;

-- The bounce messages, apart from their rows because they are long.
create table bounce_content (
	id      integer primary key references bounce,
	content text not null
) strict;

create table blocked_email (
	id            integer primary key,  -- process time and place
	user_id       integer not null,
	sender_id     integer not null,
	email_id      text    not null,
	local         text    not null,
	domain_id     integer not null references domain,
	address       text,
	headers       text,
	postback_time integer not null,     -- Unix seconds, or 0
	reason        text    not null      -- such as unsubscribe
) strict;

-- Which events have a header.

create table email_header (
	header_id integer not null references header,
	id        integer not null references email,
	primary key (header_id, id)
) strict, without rowid;

create table bounce_header (
	header_id integer not null references header,
	id        integer not null references bounce,
	primary key (header_id, id)
) strict, without rowid;

create table blocked_email_header (
	header_id integer not null references header,
	id        integer not null references blocked_email,
	primary key (header_id, id)
) strict, without rowid;

-- How many events there are, by UTC day and hour. They change in the same transaction as
-- the rows that they count.
create table event_count (
	kind      text    not null,         -- the events' table
	day       integer not null,         -- midnight, in Unix seconds
	user_id   integer not null,
	sender_id integer not null,
	type      text    not null,         -- a bounce's type; delivered or undelivered for emails
	total     integer not null,
	h0  integer not null, h1  integer not null, h2  integer not null, h3  integer not null,
	h4  integer not null, h5  integer not null, h6  integer not null, h7  integer not null,
	h8  integer not null, h9  integer not null, h10 integer not null, h11 integer not null,
	h12 integer not null, h13 integer not null, h14 integer not null, h15 integer not null,
	h16 integer not null, h17 integer not null, h18 integer not null, h19 integer not null,
	h20 integer not null, h21 integer not null, h22 integer not null, h23 integer not null,
	primary key (kind, day, user_id, sender_id, type)
) strict, without rowid;

create index event_count_user   on event_count (kind, user_id, day);
create index event_count_sender on event_count (kind, sender_id, day);

-- The number of the latest transaction that changed events of a certain age, in seconds
-- before it. A gateway that keeps answers about what is older than an hour looks at ages of
-- an hour or more, and forgets them when that number grows.
create table change (
	age        integer primary key,
	generation integer not null
) strict;

-- The numbers that imports gave to accounts, so that they stay the same.
create table account (
	name    text    primary key,
	user_id integer not null unique
) strict, without rowid;

-- What imports remember of their sources, such as how far a log was read.
create table import_state (
	key   text primary key,
	value text not null
) strict, without rowid;

-- Views, for people. Times are UTC in ISO 8601. Conditions on time read all rows;
-- conditions on id do not: id >= unixepoch('now', '-7 days') << 20.

create view emails as
select e.id, strftime('%Y-%m-%dT%H:%M:%SZ', e.id >> 20, 'unixepoch') as time,
	e.user_id, e.sender_id, s.address as sender, e.email_id,
	coalesce(e.address, e.local || '@' || d.name) as recipient, e.local, d.name as domain,
	e.delivered, e.headers
from email e join domain d on d.id = e.domain_id left join sender s on s.id = e.sender_id;

create view bounces as
select b.id, strftime('%Y-%m-%dT%H:%M:%SZ', b.id >> 20, 'unixepoch') as time,
	strftime('%Y-%m-%dT%H:%M:%SZ', b.process_time, 'unixepoch') as process_time,
	b.user_id, b.sender_id, s.address as sender, b.email_id,
	coalesce(b.address, b.local || '@' || d.name) as recipient, b.local, d.name as domain,
	b.type, b.category, b.code, b.rule, b.diagnostic, c.content, b.headers
from bounce b join domain d on d.id = b.domain_id left join sender s on s.id = b.sender_id
	left join bounce_content c on c.id = b.id;

create view blocked_emails as
select b.id, strftime('%Y-%m-%dT%H:%M:%SZ', b.id >> 20, 'unixepoch') as time,
	b.user_id, b.sender_id, s.address as sender, b.email_id,
	coalesce(b.address, b.local || '@' || d.name) as recipient, b.local, d.name as domain,
	b.reason, b.headers
from blocked_email b join domain d on d.id = b.domain_id left join sender s on s.id = b.sender_id;

create view senders as
select id, user_id, address from sender;

create view daily_counts as
select c.kind, date(c.day, 'unixepoch') as date, c.user_id, c.sender_id, s.address as sender, c.type, c.total
from event_count c left join sender s on s.id = c.sender_id;
