-- Pods that live are not searched for by their end, and they are the ones that change.
drop index pods_by_end;
create index pods_by_end on pods (ended) where ended is not null;
