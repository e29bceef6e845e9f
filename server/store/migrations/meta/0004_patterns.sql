-- When a log pattern of a service was seen first and last, kept for longer than any partition.
create table log_patterns (
    service text not null, pattern text not null, first integer not null, last integer not null, revision text,
    primary key (service, pattern)
) strict, without rowid;
