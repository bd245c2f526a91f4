-- Imports of earlier releases filled the tables of headers last. They are empty if one was killed.
-- Names of headers are ASCII.

create temp table filled as select key from import_state where key = 'store/headers';

insert or ignore into header (name, value)
select upper(j.key), j.value from email r, json_each(r.headers) j where not exists (select 1 from filled);
insert or ignore into email_header
select h.id, r.id from email r, json_each(r.headers) j join header h on h.name = upper(j.key) and h.value = j.value
where not exists (select 1 from filled);

insert or ignore into header (name, value)
select upper(j.key), j.value from bounce r, json_each(r.headers) j where not exists (select 1 from filled);
insert or ignore into bounce_header
select h.id, r.id from bounce r, json_each(r.headers) j join header h on h.name = upper(j.key) and h.value = j.value
where not exists (select 1 from filled);

insert or ignore into header (name, value)
select upper(j.key), j.value from blocked_email r, json_each(r.headers) j where not exists (select 1 from filled);
insert or ignore into blocked_email_header
select h.id, r.id from blocked_email r, json_each(r.headers) j
join header h on h.name = upper(j.key) and h.value = j.value
where not exists (select 1 from filled);

drop table filled;
delete from import_state where key = 'store/headers';
