-- A merged rollup is several rows, each with the cells of the owners from `least` to `most`, so that a question about
-- one service reads its own. Rows of before, and those not merged yet, may hold anyone's.
alter table rollups add column least integer not null default 0;
alter table rollups add column most integer not null default 4294967295;

-- Which rows a question needs is read of an index alone: the columns stand behind the data.
drop index rollups_by_time;
create index rollups_by_time on rollups (last, first, least, most);
drop index rollups_by_seq;
create index rollups_by_seq on rollups (seq, least, most);
drop index rollups_by_arrival;
create index rollups_by_arrival on rollups (arrival, least, most);
