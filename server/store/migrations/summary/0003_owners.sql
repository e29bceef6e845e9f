-- Rows of a partition that is folded for good hold an hour of the owners from `least` to `most`, so that a question about
-- one service reads its own; those of one that is not hold a minute, and are replaced when late data folds it again. Rows
-- of before hold a minute of anyone.
create table folded (
    id integer primary key autoincrement, source integer not null, first integer not null, last integer not null,
    least integer not null, most integer not null, data blob not null
) strict;
insert into folded (id, source, first, last, least, most, data)
select id, source, first, last, 0, 4294967295, data from rollups;
drop table rollups;
alter table folded rename to rollups;
-- Which rows a question needs is read of an index alone: the columns stand behind the data.
create index rollups_by_time on rollups (first, last, least, most, source);
create index rollups_by_source on rollups (source, first);
