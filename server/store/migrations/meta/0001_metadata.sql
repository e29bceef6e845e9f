-- What clusters said. Indexed key columns beside the whole value as JSON: the value's shape is the model's, and
-- only what is searched for is a column. These records are updated in place (a deploy settles, an event repeats),
-- so they live here and not in the summaries' files; `maintain` deletes those past the summaries' age.

create table settings (key text primary key, value blob not null) strict, without rowid;

-- The id first used for a context is kept; later ids are aliases of it.
create table clusters (context text primary key, id text not null) strict, without rowid;
create table cluster_aliases (alias text primary key, id text not null) strict, without rowid;

create table services (
    id text primary key, cluster text not null, created integer not null, deleted integer, body text not null
) strict;

create table pods (
    cluster text not null, id text not null, service text not null, created integer not null, ended integer,
    body text not null, primary key (cluster, id)
) strict;
create index pods_by_service on pods (service, created);
create index pods_by_end on pods (ended);

create table revisions (
    service text not null, hash text not null, created integer not null, template text not null, body text not null,
    primary key (service, hash)
) strict;

create table deploys (
    service text not null, sequence integer not null, started integer not null, body text not null,
    primary key (service, sequence)
) strict;

create table adverse (
    key text primary key, cluster text not null, service text, first integer not null, last integer not null,
    count integer not null, current integer not null, body text not null
) strict;
create index adverse_by_service on adverse (service, last);
create index adverse_by_time on adverse (last);

create table config_changes (
    id integer primary key, cluster text not null, at integer not null, body text not null
) strict;
create index config_changes_by_time on config_changes (at);

-- Texts are stored once, by their hash, zstd-compressed; a row of object_versions says when an object was so.
create table version_texts (hash text primary key, text blob not null) strict;
create table object_versions (
    cluster text not null, kind text not null, namespace text not null, name text not null, at integer not null,
    hash text not null, primary key (cluster, kind, namespace, name, at)
) strict, without rowid;

create table related (service text primary key, body text not null) strict;
