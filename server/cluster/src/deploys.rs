//! Deploys: a pure state machine over the revisions a service has and how its workload stands. The same list twice
//! gives the same deploys; what happened while nobody watched is found from what Kubernetes still has.

use std::collections::BTreeSet;

use model::{Deploy, DeployId, DeployKind, DeployPhase, MINUTE, RevisionHash, ServiceId, Timestamp};

use crate::revisions::{Found, current};
use crate::text::Text;

/// Without a newly ready pod for so long, a rollout is stuck.
const PATIENCE: i64 = 10 * MINUTE;
/// A revision created this soon after its workload is its first.
const FIRST_WITHIN: i64 = MINUTE;

/// What is remembered of a service's deploys.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// The newest deploy.
    pub(crate) last: Option<Deploy>,
    /// How many there were.
    pub(crate) sequence: u32,
    /// Revisions that a deploy brought.
    pub(crate) brought: BTreeSet<Text>,
    /// The highest number of a revision that was seen.
    pub(crate) number: i64,
}

/// What is seen of a service now.
pub(crate) struct Seen<'a> {
    /// The service.
    pub(crate) service: &'a ServiceId,
    /// When its workload was created.
    pub(crate) created: Timestamp,
    /// Its revisions, oldest first.
    pub(crate) revisions: &'a [Found],
    /// The shown name of a revision.
    pub(crate) name: &'a dyn Fn(&str) -> String,
    /// What kind of change leads from one revision to another.
    pub(crate) change: &'a dyn Fn(&str, &str) -> DeployKind,
    /// How the rollout stands.
    pub(crate) rollout: Rollout,
    /// Whether this is seen for the first time after a list, so that what began before was missed.
    pub(crate) listed: bool,
    /// Now.
    pub(crate) now: Timestamp,
}

/// How the workload's rollout stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rollout {
    /// All wanted pods are new and available, and the status is of this template.
    pub(crate) done: bool,
    /// All wanted pods, those that leave too, are new, and some of them are ready.
    pub(crate) replaced: bool,
    /// Held on purpose.
    pub(crate) paused: Option<String>,
    /// Kubernetes says that it does not progress: since when and why.
    pub(crate) failed: Option<(Timestamp, String)>,
    /// When the last pod of the current revision became ready.
    pub(crate) newly_ready: Option<Timestamp>,
    /// Creation of the current revision's pods.
    pub(crate) pods_created: Vec<Timestamp>,
    /// When the workload last said that it progressed; once it is done, when it got done.
    pub(crate) progressed: Option<Timestamp>,
}

/// Deploys that are new or changed, and the new memory.
pub(crate) fn step(history: &History, seen: &Seen<'_>) -> (History, Vec<Deploy>) {
    let mut next = history.clone();
    let mut out: Vec<Deploy> = Vec::new();
    for revision in seen.revisions {
        let older = next.last.as_ref().is_some_and(|last| revision.created < last.started);
        if !next.brought.contains(&revision.hash) && !older {
            open(&mut next, &mut out, revision, revision.created, seen);
        }
    }
    if let Some(revision) = current(seen.revisions)
        && next.last.as_ref().is_some_and(|last| *last.to.0 != *revision.hash)
        && (revision.number > history.number || history.last.is_none())
    {
        let started = used_again(revision, &next, seen);
        open(&mut next, &mut out, revision, started, seen);
    }
    next.number = seen.revisions.iter().map(|revision| revision.number).fold(next.number, i64::max);
    if let Some(last) = &mut next.last
        && last.phase.is_open()
        && current(seen.revisions).is_some_and(|revision| *last.to.0 == *revision.hash)
    {
        let phase = phase(last, seen);
        if phase != last.phase || out.last().is_some_and(|deploy| deploy.id == last.id) {
            last.phase = phase;
            out.retain(|deploy| deploy.id != last.id);
            out.push(last.clone());
        }
    }
    (next, out)
}

/// When an old revision was used again: it says no time of its own, its pods do.
fn used_again(revision: &Found, history: &History, seen: &Seen<'_>) -> Timestamp {
    let after = history.last.as_ref().map_or(Timestamp::default(), |last| last.started);
    if revision.created > after {
        return revision.created;
    }
    let first_pod = seen.rollout.pods_created.iter().copied().filter(|at| *at > after).min();
    let told = seen.rollout.progressed.filter(|at| seen.listed && *at > after);
    first_pod.or(told).unwrap_or(seen.now).min(seen.now)
}

fn open(history: &mut History, out: &mut Vec<Deploy>, revision: &Found, started: Timestamp, seen: &Seen<'_>) {
    let from = history.last.as_ref().map(|last| last.to.0.clone());
    close(history, out, started, seen);
    history.sequence += 1;
    let first = revision.number <= 1 || revision.created.since(seen.created) <= FIRST_WITHIN;
    let kind = match &from {
        Some(from) => (seen.change)(from, &revision.hash),
        None if first => DeployKind::First,
        // Older revisions are gone, so what changed is not known.
        None => DeployKind::Template,
    };
    let rollback = history.brought.contains(&revision.hash);
    history.brought.insert(revision.hash.clone());
    let deploy = Deploy {
        id: DeployId { service: seen.service.clone(), sequence: history.sequence },
        from_name: from.as_ref().map(|from| (seen.name)(from)),
        from: from.map(RevisionHash),
        to_name: (seen.name)(&revision.hash),
        to: RevisionHash(revision.hash.clone()),
        kind,
        phase: DeployPhase::RollingOut,
        started,
        rollback,
        reconstructed: seen.listed,
        cause: revision.cause.some().map(str::to_owned),
        changes: Vec::new(),
    };
    out.push(deploy.clone());
    history.last = Some(deploy);
}

/// Ends the deploy before the next one.
fn close(history: &mut History, out: &mut Vec<Deploy>, at: Timestamp, seen: &Seen<'_>) {
    let Some(last) = history.last.as_mut().filter(|last| last.phase.is_open()) else { return };
    let found_now = out.iter().any(|deploy| deploy.id == last.id);
    last.phase = if found_now && seen.listed {
        // Nobody saw how it went; that it ended is all that is known.
        DeployPhase::Settled { at: last.started }
    } else {
        DeployPhase::Superseded { at }
    };
    out.retain(|deploy| deploy.id != last.id);
    out.push(last.clone());
}

fn phase(deploy: &Deploy, seen: &Seen<'_>) -> DeployPhase {
    let Rollout { done, replaced, paused, failed, newly_ready, .. } = &seen.rollout;
    let moved = newly_ready.unwrap_or_default().max(deploy.started);
    let has_waited = seen.now.since(moved) > PATIENCE;
    // Nobody saw it end; a pod that is not ready so long afterwards has more likely fallen since. Where it was seen to
    // be stuck, somebody did.
    let was_stuck = matches!(deploy.phase, DeployPhase::Stuck { .. });
    if *done || (seen.listed && *replaced && has_waited && failed.is_none() && !was_stuck) {
        // Pods that were added since are newer than the end, so what the workload says comes first afterwards.
        let told = seen.rollout.progressed.filter(|at| seen.listed && *at >= deploy.started);
        let ready = newly_ready.filter(|at| *at >= deploy.started);
        let at = told.or(ready).unwrap_or(if seen.listed { deploy.started } else { seen.now });
        return DeployPhase::Settled { at };
    }
    if let Some(why) = paused {
        return DeployPhase::Paused { why: why.clone() };
    }
    if let Some((since, why)) = failed {
        return DeployPhase::Stuck { since: (*since).max(deploy.started), why: why.clone() };
    }
    if has_waited {
        let why = "no pod became ready for 10 minutes".to_owned();
        return DeployPhase::Stuck { since: moved.plus(PATIENCE), why };
    }
    DeployPhase::RollingOut
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const NOON: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn at(minutes: i64) -> Timestamp {
        NOON.plus(minutes * MINUTE)
    }

    fn revision(hash: &str, number: i64, minute: i64) -> Found {
        Found { hash: hash.into(), number, created: at(minute), facts: Arc::default(), cause: Text::default() }
    }

    struct Look {
        revisions: Vec<Found>,
        rollout: Rollout,
        listed: bool,
        now: i64,
    }

    fn look(revisions: &[Found], now: i64) -> Look {
        Look { revisions: revisions.to_vec(), rollout: Rollout::default(), listed: false, now }
    }

    fn run(history: &mut History, look: Look) -> Vec<Deploy> {
        let (next, deploys) = step(
            history,
            &Seen {
                service: &ServiceId::new("c", "shop", "Deployment", "web"),
                created: at(0),
                revisions: &look.revisions,
                name: &|hash| hash.to_uppercase(),
                change: &|_, _| DeployKind::Image,
                rollout: look.rollout,
                listed: look.listed,
                now: at(look.now),
            },
        );
        *history = next;
        deploys
    }

    fn done() -> Rollout {
        Rollout { done: true, ..Rollout::default() }
    }

    #[test]
    fn a_new_revision_starts_a_deploy_and_settles_when_all_pods_are_new() {
        let mut history = History::default();
        let first = run(&mut history, Look { rollout: done(), ..look(&[revision("a", 1, 0)], 1) });
        assert_eq!((first[0].kind, first[0].id.sequence, first[0].rollback), (DeployKind::First, 1, false));
        let both = [revision("a", 1, 0), revision("b", 2, 5)];
        let second = run(&mut history, look(&both, 5));
        assert_eq!((second[0].from_name.as_deref(), &*second[0].to_name, second[0].started), (Some("A"), "B", at(5)));
        assert!(run(&mut history, look(&both, 6)).is_empty(), "nothing changed");
        let settled =
            run(&mut history, Look { rollout: Rollout { newly_ready: Some(at(7)), ..done() }, ..look(&both, 8) });
        assert_eq!(settled[0].phase, DeployPhase::Settled { at: at(7) });
        assert!(run(&mut history, look(&both, 9)).is_empty(), "scaling afterwards is no deploy");
    }

    #[test]
    fn going_back_to_an_old_revision_is_a_rollback_that_starts_when_its_pods_grow() {
        let mut history = History::default();
        run(&mut history, Look { rollout: done(), ..look(&[revision("a", 1, 0), revision("b", 2, 5)], 6) });
        let rollout = Rollout { pods_created: vec![at(1), at(9)], ..Rollout::default() };
        let back = run(&mut history, Look { rollout, ..look(&[revision("a", 3, 0), revision("b", 2, 5)], 10) });
        assert_eq!((back.len(), back[0].rollback, back[0].started), (1, true, at(9)));
        assert_eq!(&back[0].to_name, "A");
    }

    #[test]
    fn a_deploy_before_the_last_one_settled_supersedes_it() {
        let mut history = History::default();
        run(&mut history, look(&[revision("a", 1, 0)], 1));
        let out = run(&mut history, look(&[revision("a", 1, 0), revision("b", 2, 2)], 2));
        assert_eq!(out[0].phase, DeployPhase::Superseded { at: at(2) });
        assert_eq!((out[1].id.sequence, &out[1].phase), (2, &DeployPhase::RollingOut));
    }

    #[test]
    fn the_first_list_reconstructs_the_past_and_the_same_list_again_adds_nothing() {
        let mut history = History::default();
        let all = [revision("a", 1, 0), revision("b", 2, 60), revision("c", 3, 120)];
        let list =
            || Look { listed: true, rollout: Rollout { newly_ready: Some(at(121)), ..done() }, ..look(&all, 500) };
        let out = run(&mut history, list());
        assert_eq!(out.iter().map(|deploy| deploy.id.sequence).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(out.iter().all(|deploy| deploy.reconstructed && !deploy.phase.is_open()));
        assert_eq!(out[2].phase, DeployPhase::Settled { at: at(121) });
        assert!(run(&mut history, list()).is_empty());
    }

    #[test]
    fn a_rollback_while_nobody_watched_is_reconstructed_once() {
        let mut history = History::default();
        run(&mut history, Look { rollout: done(), ..look(&[revision("a", 1, 0), revision("b", 2, 5)], 6) });
        let list = || Look {
            listed: true,
            rollout: Rollout { pods_created: vec![at(30)], progressed: Some(at(31)), ..done() },
            ..look(&[revision("a", 3, 0), revision("b", 2, 5)], 90)
        };
        let out = run(&mut history, list());
        assert_eq!((out.len(), out[0].rollback, out[0].reconstructed, out[0].started), (1, true, true, at(30)));
        assert!(run(&mut history, list()).is_empty());
    }

    #[test]
    fn revisions_that_vanish_one_by_one_are_no_rollback() {
        let mut history = History::default();
        run(&mut history, Look { rollout: done(), ..look(&[revision("a", 1, 0), revision("b", 2, 5)], 6) });
        assert!(run(&mut history, look(&[revision("a", 1, 0)], 7)).is_empty());
    }

    #[test]
    fn a_rollout_is_stuck_when_kubernetes_says_so_or_no_pod_gets_ready_for_ten_minutes() {
        let mut history = History::default();
        let only = [revision("a", 1, 0)];
        run(&mut history, look(&only, 0));
        assert!(run(&mut history, look(&only, 10)).is_empty());
        let out = run(&mut history, look(&only, 11));
        assert!(matches!(&out[0].phase, DeployPhase::Stuck { since, .. } if *since == at(10)));
        let ready = Rollout { newly_ready: Some(at(11)), ..Rollout::default() };
        assert_eq!(run(&mut history, Look { rollout: ready, ..look(&only, 12) })[0].phase, DeployPhase::RollingOut);
        let failed = Rollout { failed: Some((at(12), "deadline".into())), ..Rollout::default() };
        let out = run(&mut history, Look { rollout: failed, ..look(&only, 13) });
        assert_eq!(out[0].phase, DeployPhase::Stuck { since: at(12), why: "deadline".into() });
    }

    #[test]
    fn an_old_rollout_nobody_saw_is_over_though_a_pod_has_fallen_since() {
        let fallen = || Rollout { replaced: true, ..Rollout::default() };
        let all = [revision("a", 1, 0), revision("b", 2, 60)];
        let list = |now| Look { listed: true, rollout: fallen(), ..look(&all, now) };
        let out = run(&mut History::default(), list(500));
        assert_eq!(out[1].phase, DeployPhase::Settled { at: at(60) });
        assert_eq!(run(&mut History::default(), list(61))[1].phase, DeployPhase::RollingOut);
        let none_ready = Look { rollout: Rollout::default(), ..list(500) };
        assert!(matches!(run(&mut History::default(), none_ready)[1].phase, DeployPhase::Stuck { .. }));
    }

    #[test]
    fn a_rollout_that_was_seen_to_be_stuck_is_not_over_because_everything_is_listed_again() {
        let mut history = History::default();
        let all = [revision("a", 1, 0), revision("b", 2, 60)];
        run(&mut history, Look { rollout: done(), ..look(&all[..1], 1) });
        run(&mut history, look(&all, 60));
        let stuck = run(&mut history, look(&all, 75));
        assert!(matches!(stuck[0].phase, DeployPhase::Stuck { .. }));
        let replaced = Rollout { replaced: true, ..Rollout::default() };
        assert!(run(&mut history, Look { listed: true, rollout: replaced, ..look(&all, 500) }).is_empty());
        let settled = run(&mut history, Look { listed: true, rollout: done(), ..look(&all, 501) });
        assert!(matches!(settled[0].phase, DeployPhase::Settled { .. }), "unless it says that it is done");
    }

    #[test]
    fn a_held_rollout_is_paused_and_never_stuck() {
        let mut history = History::default();
        let paused = Rollout { paused: Some("partition 2".into()), ..Rollout::default() };
        let out = run(&mut history, Look { rollout: paused, ..look(&[revision("a", 1, 0)], 100) });
        assert_eq!(out[0].phase, DeployPhase::Paused { why: "partition 2".into() });
    }

    #[test]
    fn without_its_first_revisions_a_service_starts_with_a_change_that_is_not_known() {
        let mut history = History::default();
        let out = run(&mut history, Look { listed: true, rollout: done(), ..look(&[revision("z", 57, 900)], 999) });
        assert_eq!((out[0].kind, &out[0].from), (DeployKind::Template, &None));
    }
}
