-- The indexes on events. An import into an empty store builds them last, since that is much
-- faster; a store that lacks some gets them before its first list.

create index if not exists email_user      on email (user_id);
create index if not exists email_sender    on email (sender_id);
create index if not exists email_domain    on email (domain_id);
create index if not exists email_recipient on email (local, domain_id);
create index if not exists email_address   on email (address) where address is not null;

create index if not exists bounce_user      on bounce (user_id);
create index if not exists bounce_sender    on bounce (sender_id);
create index if not exists bounce_domain    on bounce (domain_id);
create index if not exists bounce_recipient on bounce (local, domain_id);
create index if not exists bounce_address   on bounce (address) where address is not null;
create index if not exists bounce_type      on bounce (type);
create index if not exists bounce_category  on bounce (category);
create index if not exists bounce_code      on bounce (code);
create index if not exists bounce_rule      on bounce (rule);
create index if not exists bounce_pattern   on bounce (pattern_id);

create index if not exists blocked_email_user      on blocked_email (user_id);
create index if not exists blocked_email_sender    on blocked_email (sender_id);
create index if not exists blocked_email_domain    on blocked_email (domain_id);
create index if not exists blocked_email_recipient on blocked_email (local, domain_id);
create index if not exists blocked_email_address   on blocked_email (address) where address is not null;
create index if not exists blocked_email_reason    on blocked_email (reason);
