-- Pods that ended, many of a service in a row: a zstd-compressed JSON array of what `pods.body` was. What pods of a
-- service have in common is most of them, and costs once here. `lives`: of each revision its hash, the first creation,
-- the last end, how many pods.
create table packed_pods (
    id integer primary key, service text not null, first_created integer not null, first_ended integer not null,
    last_ended integer not null, lives text not null, bodies blob not null
) strict;
create index packed_pods_by_service on packed_pods (service, last_ended);
create index packed_pods_by_end on packed_pods (last_ended);
