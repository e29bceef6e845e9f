-- Metric points are a signal like the others.
insert into totals (key, value) values ('points', 0);
