-- Rows hold an hour of the owners from `least` to `most`, so that a question about one service reads its own; several
-- of an hour and owner add up. `seq` is how far their partition was folded when they were written. Rows of before hold
-- a minute of anyone; where their partition is not folded for good, it is folded anew and tells itself until then.
create table folded (
    id integer primary key autoincrement, source integer not null, seq integer not null, first integer not null,
    last integer not null, least integer not null, most integer not null, data blob not null
) strict;
insert into folded (id, source, seq, first, last, least, most, data)
select id, source, 0, first, last, 0, 4294967295, data from rollups;
drop table rollups;
alter table folded rename to rollups;
-- Which rows a question needs is read of an index alone: the columns stand behind the data.
create index rollups_by_time on rollups (first, last, least, most, source, seq);
create index rollups_by_source on rollups (source, first);

-- Cells that begin before `front` of rollups up to `seq` are in rows above; `mark` is how far sights are remembered.
alter table folds add column front integer not null default -9223372036854775808;
alter table folds add column seq integer not null default -1;
