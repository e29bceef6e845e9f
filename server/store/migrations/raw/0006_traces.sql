-- What says which merged blocks hold a trace: the fingerprints of many blocks as one sorted run, cut into rows of a page,
-- so that a search by trace id reads a row a run instead of a filter a block. A block that is in a run has no filter.
-- `blocks` is a JSON array; a row's number is that of its run, times 2^32, plus the fingerprint that it begins with.
create table trace_runs (id integer primary key, blocks text not null) strict;
create table trace_rows (id integer primary key, data blob not null) strict;
