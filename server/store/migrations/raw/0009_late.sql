-- What came late is told by `seq`: of an hour that is folded, only what came since is read here.
drop index rollups_by_time;
create index rollups_by_time on rollups (last, first, least, most, seq);
-- How far everything is merged is asked each minute.
create index rollups_to_merge on rollups (seq) where merged = 0;
