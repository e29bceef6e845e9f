-- Verdicts on deploys: of each deploy the newest. `due` says when it is to be looked at again, nothing when it is done
-- with; a deploy that changes is due at once. `brief` is the verdict in short with what it flags.
create table verdicts (
    service text not null, sequence integer not null, due integer, judged integer, level text, brief text, body text,
    primary key (service, sequence)
) strict;
create index verdicts_by_due on verdicts (due) where due is not null;
insert into verdicts (service, sequence, due) select service, sequence, 0 from deploys;

create index deploys_by_start on deploys (started);
