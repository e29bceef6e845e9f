//! When the revisions of a service ran, from what is known of their pods and deploys. Pure.

use model::{Align, Deploy, HOUR, Revision, RevisionRun, Timestamp, Window};
use store::RevisionLife;

/// So much of two revisions is compared at most.
const AGE: i64 = 6 * HOUR;
/// By the clock, so much is looked at before and after the later one began.
const AROUND: i64 = 3 * HOUR;

/// When a revision ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// When its first pod was created, or what makes its pods.
    pub(super) first: Timestamp,
    /// When its last pod was gone; nothing while it runs, and where that is not known.
    pub(super) last: Option<Timestamp>,
    /// The last time that it ran: from its deploy on, to its last pod's end or to now.
    pub(super) newest: Window,
    pub(super) pods: u32,
    /// Nothing where all were gone before any was seen.
    pub(super) pods_ever: Option<u32>,
}

impl Run {
    /// Of a revision, from its pods and all deploys of its service, newest first.
    pub(super) fn of(revision: &Revision, lives: &[RevisionLife], deploys: &[Deploy], now: Timestamp) -> Self {
        let life = lives.iter().find(|life| life.revision == revision.hash);
        let first = life.map_or(revision.created, |life| life.first.min(revision.created));
        let brought = deploys.iter().find(|deploy| deploy.to == revision.hash);
        let from = brought.map_or(first, |deploy| deploy.started);
        let left = deploys.iter().find(|deploy| deploy.from.as_ref() == Some(&revision.hash));
        let left = left.filter(|deploy| deploy.started >= from);
        let pods = life.map_or(0, |life| life.pods);
        let ended = life.and_then(|life| life.last_end).filter(|end| *end >= from);
        let ended = ended.or_else(|| left.map(replaced));
        let last = ended.filter(|_| pods == 0);
        let to = if pods > 0 { now } else { last.unwrap_or(from) };
        let newest = Window::new(from, to.min(now));
        Self { first, last, newest, pods, pods_ever: life.map(|life| life.pods_ever) }
    }

    /// The last hour in which it ran, or all of its run where that was shorter.
    pub(super) fn last_hour(self) -> Window {
        Window::new(self.newest.from.max(self.newest.to.plus(-HOUR)), self.newest.to)
    }
}

/// When a deploy had replaced the pods of the revision before. When one that was reconstructed settled is a guess.
fn replaced(deploy: &Deploy) -> Timestamp {
    deploy.phase.ended().filter(|_| !deploy.reconstructed).unwrap_or(deploy.started)
}

/// All runs of a revision, the newest first; one is shown: that of the deploy that is named, else the newest. Nothing
/// where that deploy did not bring it. An earlier run lasted until its pods were replaced.
pub(super) fn runs(revision: &Revision, newest: Window, deploys: &[Deploy], wanted: Option<u32>) -> Option<Runs> {
    let brought: Vec<&Deploy> = deploys.iter().filter(|deploy| deploy.to == revision.hash).collect();
    let left = |sequence: u32, next: &Deploy| {
        let mut after = deploys.iter().rev().filter(|deploy| deploy.id.sequence > sequence);
        let left = after.find(|deploy| deploy.from.as_ref() == Some(&revision.hash));
        left.map_or(next.started, replaced).min(next.started)
    };
    let mut all =
        vec![RevisionRun { deploy: brought.first().map(|deploy| deploy.id.sequence), ran: newest, is_shown: false }];
    all.extend(brought.windows(2).map(|pair| {
        let (next, deploy) = (pair[0], pair[1]);
        let sequence = deploy.id.sequence;
        let to = left(sequence, next).max(deploy.started);
        RevisionRun { deploy: Some(sequence), ran: Window::new(deploy.started, to), is_shown: false }
    }));
    let shown = match wanted {
        Some(_) => all.iter_mut().find(|run| run.deploy == wanted)?,
        None => all.first_mut()?,
    };
    shown.is_shown = true;
    Some(Runs { shown: shown.ran, all })
}

/// The runs of one of two revisions that are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Runs {
    /// The one that is compared.
    pub(super) shown: Window,
    /// All, the newest first.
    pub(super) all: Vec<RevisionRun>,
}

/// What is asked of two revisions that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spans {
    /// What the charts show: instants, or ages counted from the epoch.
    pub(super) axis: Window,
    /// What the line of each is of.
    pub(super) drawn: [Window; 2],
    /// What the numbers of each are of.
    pub(super) measured: [Window; 2],
}

impl Spans {
    /// Of two runs, the old one first.
    pub(super) fn of(runs: [Window; 2], by: Align) -> Self {
        match by {
            Align::Age => by_age(runs),
            Align::Clock => by_clock(runs),
        }
    }
}

/// Each from its beginning; the numbers are of equal age.
fn by_age(runs: [Window; 2]) -> Spans {
    let until = |run: Window, nanos: i64| Window::new(run.from, run.to.min(run.from.plus(nanos)));
    let drawn = runs.map(|run| until(run, AGE));
    let [old, new] = drawn.map(Window::length);
    let measured = drawn.map(|run| until(run, old.min(new)));
    Spans { axis: Window::new(Timestamp(0), Timestamp(old.max(new))), drawn, measured }
}

/// Both in the hours around the time at which the later one began; the numbers are of what each ran in them.
fn by_clock(runs: [Window; 2]) -> Spans {
    let [old, new] = runs;
    let began = old.from.max(new.from);
    let from = old.from.min(new.from).max(began.plus(-AROUND));
    let axis = Window::new(from, old.to.max(new.to).min(began.plus(AROUND)));
    let drawn = runs.map(|run| Window::new(run.from.max(axis.from), run.to.min(axis.to)));
    Spans { axis, drawn, measured: drawn }
}

#[cfg(test)]
mod tests {
    use model::{DeployId, DeployKind, DeployPhase, MINUTE, RevisionHash, ServiceId};

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp(minutes * MINUTE)
    }

    fn window(from: i64, to: i64) -> Window {
        Window::new(at(from), at(to))
    }

    fn revision(hash: &str, created: i64) -> Revision {
        Revision {
            service: ServiceId::new("c", "n", "Deployment", "web"),
            hash: RevisionHash(hash.into()),
            name: hash.into(),
            number: 1,
            created: at(created),
            images: vec![],
            template: String::new(),
        }
    }

    fn life(hash: &str, first: i64, last_end: Option<i64>, pods: u32) -> RevisionLife {
        let revision = RevisionHash(hash.into());
        RevisionLife { revision, first: at(first), last_end: last_end.map(at), pods, pods_ever: 4 }
    }

    fn deploy(sequence: u32, from: &str, to: &str, started: i64, settled: Option<i64>) -> Deploy {
        Deploy {
            id: DeployId { service: ServiceId::new("c", "n", "Deployment", "web"), sequence },
            from: Some(RevisionHash(from.into())),
            to: RevisionHash(to.into()),
            from_name: None,
            to_name: to.into(),
            kind: DeployKind::Image,
            phase: settled.map_or(DeployPhase::RollingOut, |end| DeployPhase::Settled { at: at(end) }),
            started: at(started),
            rollback: false,
            reconstructed: false,
            cause: None,
            changes: vec![],
        }
    }

    #[test]
    fn a_revision_ran_from_its_newest_deploy_to_its_last_pods_end() {
        let lives = [life("a", 1, Some(62), 2), life("b", 30, Some(64), 0)];
        let deploys = [deploy(2, "b", "a", 60, Some(65)), deploy(1, "a", "b", 30, Some(33))];
        let of = |revision: &Revision| Run::of(revision, &lives, &deploys, at(100));
        let (a, b) = (of(&revision("a", 0)), of(&revision("b", 30)));
        assert_eq!((a.first, a.last, a.newest, a.pods), (at(0), None, window(60, 100), 2), "it was taken back");
        assert_eq!((b.first, b.last, b.newest, b.pods_ever), (at(30), Some(at(64)), window(30, 64), Some(4)));
        assert_eq!((a.last_hour(), b.last_hour()), (window(60, 100), window(30, 64)));
    }

    #[test]
    fn without_pods_the_deploys_say_when_a_revision_ran() {
        let deploys = [deploy(1, "a", "b", 30, Some(33))];
        let of = |hash: &str, created| Run::of(&revision(hash, created), &[], &deploys, at(100));
        assert_eq!((of("a", 0).last, of("a", 0).newest), (Some(at(33)), window(0, 33)));
        assert_eq!((of("c", 10).last, of("c", 10).newest), (None, window(10, 10)), "nobody knows");
        assert_eq!((of("a", 0).pods, of("a", 0).pods_ever), (0, None), "how many it had is not known");
        let guessed = [Deploy { reconstructed: true, ..deploy(1, "a", "b", 30, Some(90)) }];
        let ran = Run::of(&revision("a", 0), &[], &guessed, at(100)).newest;
        assert_eq!(ran, window(0, 30), "when one that was found afterwards settled is a guess");
    }

    #[test]
    fn one_that_was_deployed_again_has_a_run_a_deploy_and_the_newest_is_shown_unless_one_is_named() {
        let deploys = [
            deploy(4, "c", "b", 90, None),
            deploy(3, "a", "c", 70, Some(72)),
            deploy(2, "b", "a", 60, Some(65)),
            deploy(1, "a", "b", 30, Some(33)),
        ];
        let of = |wanted| runs(&revision("b", 30), window(90, 100), &deploys, wanted);
        let run = |deploy, ran, is_shown| RevisionRun { deploy: Some(deploy), ran, is_shown };
        let newest = of(None).unwrap();
        assert_eq!(
            (newest.shown, newest.all),
            (window(90, 100), vec![run(4, window(90, 100), true), run(1, window(30, 65), false)])
        );
        let first = of(Some(1)).unwrap();
        assert_eq!((first.shown, first.all[1].is_shown, first.all[0].is_shown), (window(30, 65), true, false));
        assert_eq!(of(Some(2)), None, "that one brought another revision");
        let unknown = runs(&revision("z", 0), window(0, 5), &deploys, None).unwrap();
        assert_eq!(unknown.all, [RevisionRun { deploy: None, ran: window(0, 5), is_shown: true }]);
    }

    #[test]
    fn by_age_both_begin_at_nothing_and_the_numbers_are_of_equal_age() {
        let spans = Spans::of([window(0, 600), window(590, 620)], Align::Age);
        assert_eq!(spans.axis, Window::new(Timestamp(0), Timestamp(AGE)));
        assert_eq!(spans.drawn, [window(0, 360), window(590, 620)]);
        assert_eq!(spans.measured, [window(0, 30), window(590, 620)]);
    }

    #[test]
    fn by_the_clock_both_are_seen_around_the_time_the_later_one_began() {
        let spans = Spans::of([window(0, 602), window(600, 620)], Align::Clock);
        assert_eq!((spans.axis, spans.measured), (window(420, 620), [window(420, 602), window(600, 620)]));
        // The order in which they are compared says nothing of the time.
        let turned = Spans::of([window(600, 620), window(0, 602)], Align::Clock);
        assert_eq!((turned.axis, turned.measured), (spans.axis, [window(600, 620), window(420, 602)]));
        let apart = Spans::of([window(0, 100), window(1_000, 3_000)], Align::Clock);
        assert_eq!((apart.axis, apart.measured[0].length()), (window(820, 1_180), 0), "the old one was gone by then");
    }
}
