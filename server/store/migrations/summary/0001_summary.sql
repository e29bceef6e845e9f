-- Summaries of the partitions whose arrival began on one day: their rollups by minute, with the owners' attribution
-- as it was when they were folded, for the time when pods are forgotten.

create table owners (
    id integer primary key, hash blob not null unique, facts text not null, attribution text
) strict;

-- A row a partition (`source`) and minute, replaced when late data folds it again.
create table rollups (
    id integer primary key autoincrement, source integer not null, first integer not null, last integer not null,
    data blob not null, unique (source, first)
) strict;
create index rollups_by_time on rollups (last, first);

-- How far the rollups of a partition are folded (their `seq`), and whether that is all of them for ever.
create table folds (source integer primary key, mark integer not null, complete integer not null) strict;
