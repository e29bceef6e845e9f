-- Deploys of more than a week ago are not judged because there are verdicts now: their requests are gone.
update verdicts set due = null where due = 0 and (service, sequence) in
    (select service, sequence from deploys where started < (unixepoch() - 7 * 86400) * 1000000000);
