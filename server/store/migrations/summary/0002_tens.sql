-- Rollups by ten minutes of partitions that are folded for good: made of their rows by the minute, without pods. What
-- is summed belongs to a service and a revision, as the directory had it then.

-- How the rows of a partition (`source`) were made: services with revisions, and which owner was counted to which of
-- them when. Where the directory has it otherwise by now, the minutes answer until they are made again. An `id` is
-- never used twice.
create table makings (id integer primary key autoincrement, source integer not null unique, data blob not null) strict;

-- `least` and `most` are numbers of the making's services with revisions.
create table tens (
    id integer primary key autoincrement, making integer not null, first integer not null, last integer not null,
    least integer not null, most integer not null, data blob not null
) strict;
create index tens_by_making on tens (making, last, first, least, most);
