-- The tables of DeliveryGraph in ClickHouse: emails, bounces and blocked emails of the metrics API.
--
-- "deliverygraph migrate" makes them. It replaces {name:…} and {engine:…}: on one server, they are the table itself and a
-- MergeTree engine; with --cluster, the events lie in tables NAME_local of each shard, under a Distributed table NAME,
-- and all others are replicated to all servers. The id decides on the shard, or the column in {events:NAME/column}.
--
-- A migration that fails is run again from its start, so its statements must bear that: use "if not exists" for tables.
-- "alter table {events:…} add column" and the like are run on the tables of all shards, and the Distributed table is made
-- again; that a column or index was added or dropped before is no error.
--
-- time and id tell an event from all others of its kind. id is a hash of its email id, recipient, user and sender, so
-- that all events of one message have the same id. Writing an event again adds a row with a higher version; ClickHouse
-- merges such rows in the background, and queries ask for the last version with FINAL. A row with removed = 1 says that
-- there is no such event.
--
-- Partitions are months, which prune drops as a whole. Times before 1970 are in the first one, and those after 2099 in
-- the last.

create table if not exists {events:email} (
	time           Int64,                -- process time, in Unix seconds
	id             UInt64,
	version        UInt64,               -- nanoseconds since 1970
	removed        UInt8,
	user_id        Int64,
	sender_id      Int64,
	email_id       String,
	local          String,
	domain         String,               -- in lower case
	address        Nullable(String),     -- of the recipient, if it is not local@domain
	headers        UInt8,                -- 1 if the row has a list of headers, which may be empty
	header_names   Array(String),        -- as sent
	header_keys    Array(String),        -- the names, case-folded
	header_values  Array(String),
	delivered      UInt8                 -- 1, or 0 if it bounced or was blocked
) engine = {replacing:version}
partition by toYYYYMM(toDateTime(greatest(0, least(time, 4102444800)), 'UTC'))
order by (time, id);

create table if not exists {events:bounce} (
	time           Int64,                -- bounce time
	id             UInt64,
	version        UInt64,
	removed        UInt8,
	user_id        Int64,
	sender_id      Int64,
	email_id       String,
	local          String,
	domain         String,
	address        Nullable(String),
	headers        UInt8,
	header_names   Array(String),
	header_keys    Array(String),
	header_values  Array(String),
	process_time   Int64,
	postback_time  Int64,                -- or 0
	type           String,               -- hard or soft
	category       String,               -- such as bad-mailbox
	code           String,               -- such as 5.1.1
	rule           String,               -- the rule that matched
	diagnostic     String,               -- what the receiving server said
	pattern        String,               -- what it has in common with others
	content        String                -- the bounce message
) engine = {replacing:version}
partition by toYYYYMM(toDateTime(greatest(0, least(time, 4102444800)), 'UTC'))
order by (time, id);

create table if not exists {events:blocked_email} (
	time           Int64,                -- process time
	id             UInt64,
	version        UInt64,
	removed        UInt8,
	user_id        Int64,
	sender_id      Int64,
	email_id       String,
	local          String,
	domain         String,
	address        Nullable(String),
	headers        UInt8,
	header_names   Array(String),
	header_keys    Array(String),
	header_values  Array(String),
	postback_time  Int64,
	reason         String                -- such as unsubscribe
) engine = {replacing:version}
partition by toYYYYMM(toDateTime(greatest(0, least(time, 4102444800)), 'UTC'))
order by (time, id);

-- When the events of a message happened, to find them by their id. It may name events that do not exist.
create table if not exists {events:message} (
	id    UInt64,
	kind  UInt8,                         -- 0 email, 1 bounce, 2 blocked email
	time  Int64
) engine = {replacing:}
order by (id, kind, time)
settings index_granularity = 512;

-- The approved From addresses.
create table if not exists {shared:sender} (
	id       Int64,
	user_id  Int64,
	address  String,
	version  UInt64
) engine = {replacing:version}
order by id;

-- The numbers that imports gave to accounts, so that they stay the same.
create table if not exists {shared:account} (
	name     String,
	user_id  Int64
) engine = {replacing:}
order by name;

-- What imports remember of their sources, such as how far a log was read. An empty value is none.
create table if not exists {shared:import_state} (
	key      String,
	value    String,
	version  UInt64
) engine = {replacing:version}
order by key;

-- The number of writes that changed events of a certain age, in seconds. Gateways forget answers when it grows.
create table if not exists {shared:change} (
	age  Int64,
	n    UInt64
) engine = {summing:n}
order by age;

-- Who may write: see lock.go.
create table if not exists {shared:turn} (
	owner   String,
	ticket  UInt64,                      -- 0 while it is being chosen
	until   UInt64,                      -- milliseconds since 1970, by the server's clock
	version UInt64
) engine = {replacing:version}
order by owner;
