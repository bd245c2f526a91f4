-- What diagnostics have in common, so that bounces can be grouped by it.

create table pattern (
	id   integer primary key,
	text text not null unique           -- see package grouped
) strict;

-- After the migrations, the program sets pattern_id where it is 0. A release that changes how
-- patterns are made has a migration that sets it to 0 and empties the table of patterns.
alter table bounce add column pattern_id integer not null default 0 references pattern;

-- A program of an earlier release may still have the store open.
create trigger bounce_has_pattern before insert on bounce when new.pattern_id = 0 begin
	select raise(abort, 'the store has been upgraded by a newer release: start this program again, in that release');
end;

drop view bounces;

create view bounces as
select b.id, strftime('%Y-%m-%dT%H:%M:%SZ', b.id >> 20, 'unixepoch') as time,
	strftime('%Y-%m-%dT%H:%M:%SZ', b.process_time, 'unixepoch') as process_time,
	b.user_id, b.sender_id, s.address as sender, b.email_id,
	coalesce(b.address, b.local || '@' || d.name) as recipient, b.local, d.name as domain,
	b.type, b.category, b.code, b.rule, b.diagnostic, p.text as pattern, c.content, b.headers
from bounce b join domain d on d.id = b.domain_id left join sender s on s.id = b.sender_id
	left join pattern p on p.id = b.pattern_id left join bounce_content c on c.id = b.id;
