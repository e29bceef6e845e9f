-- A partition of raw telemetry, cut by arrival and self-contained: its owners, blocks, rollups and the hashes of the
-- requests it took commit in one transaction (transactions over attached WAL files are not atomic).

create table totals (key text primary key, value integer not null) strict, without rowid;
insert into totals (key, value) values ('spans', 0);

-- An owner's number is its place from 0. What it was attributed to is found through the directory, now.
create table owners (id integer primary key, hash blob not null, owner text not null, facts text not null) strict;

-- `first` and `last` are event times; `merged` says that it was made of smaller ones.
create table blocks (
    id integer primary key autoincrement, first integer not null, last integer not null, arrival integer not null,
    spans integer not null, merged integer not null, data blob not null
) strict;
create index blocks_to_merge on blocks (arrival) where merged = 0;

-- The traces of a block as sorted 32-bit fingerprints: what a search by trace id reads instead of blocks.
create table traces (block integer primary key, fingerprints blob not null) strict;

-- `seq` orders rows by arrival and survives merging, so that a fold knows how far it came; `source` is for
-- summaries, which have rows like these.
create table rollups (
    id integer primary key autoincrement, seq integer not null, source integer not null, first integer not null,
    last integer not null, arrival integer not null, merged integer not null, data blob not null
) strict;
create index rollups_by_time on rollups (last, first);
create index rollups_by_seq on rollups (seq);
create index rollups_by_arrival on rollups (arrival);

create table requests (hash blob primary key, at integer not null) strict, without rowid;
create index requests_by_time on requests (at);
