-- Samples of profiles are a signal like the others.
insert into totals (key, value) values ('samples', 0);
