-- What the folds of telemetry leave behind for longer than any partition: when an error group was seen first, and
-- when a service last served a request.
create table error_groups (
    service text not null, endpoint text not null, error text not null, first integer not null, last integer not null,
    revision text, primary key (service, endpoint, error)
) strict, without rowid;

create table last_requests (service text primary key, at integer not null) strict, without rowid;
