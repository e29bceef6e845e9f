-- What a merged block of spans can be found by: its owners and a Bloom filter over endpoints and attributes. Apart from
-- `filters`, of which a search for a trace reads every row. A block without a row may hold anything.
create table words (block integer primary key, data blob not null) strict;
