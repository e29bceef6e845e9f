-- More signals than spans: a block says whose records it has, and its filter says without the block whether it can
-- hold what is asked for.
alter table blocks rename column spans to records;
alter table blocks add column signal integer not null default 0;
drop index blocks_to_merge;
create index blocks_to_merge on blocks (signal, arrival) where merged = 0;
create index blocks_by_time on blocks (signal, last, first);

alter table traces rename to filters;
alter table filters rename column fingerprints to data;

insert into totals (key, value) values ('logs', 0);
