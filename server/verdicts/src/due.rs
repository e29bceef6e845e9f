//! When a deploy is looked at: at the end of each of its first fifteen minutes, at half an hour and an hour, when it
//! settled, a few times more for what leaks, and a last time when the next deploy begins. Pure.

use analysis::Look;
use model::{Deploy, DeployPhase, HOUR, MINUTE, SECOND, Timestamp};
use store::DueDeploy;

/// What a minute's last requests take to arrive: SDKs send every five seconds.
const ARRIVAL: i64 = 8 * SECOND;
/// Deploys of so long ago are looked at again while late data may still arrive.
const LATELY: i64 = 2 * HOUR;
/// That often.
const AGAIN: i64 = 30 * SECOND;
/// A look's part of the false-alarm budget is spent in so many parts: one each time where it is had again and again,
/// else all at once. What is spent stays so, whatever arrives later.
pub(super) const PARTS: u8 = 12;

/// Minutes at which it is looked what leaks since: that takes longer to be seen than what an hour's requests say, which
/// is not asked again.
const LEAKS: [i64; 4] = [90, 120, 240, 480];

/// A look at a deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) look: Look,
    /// The minute at whose end it is had.
    pub(super) at: Timestamp,
    /// The end of its data.
    pub(super) end: Timestamp,
    /// What it may spend of its part; nothing where that is spent.
    pub(super) parts: u8,
}

impl Moment {
    /// All else was said at the end of its data.
    pub(super) fn is_for_leaks(&self) -> bool {
        self.look == Look::Hour && self.at > self.end && self.parts == 0
    }
}

/// The look to have now, if any, and when to come again. Looks that were missed are not made up for: the latest one
/// has all their data. Until `settling`, what was sent while Binnacle was away arrives late: a look that was missed is
/// had again every half minute.
pub(super) fn moment(due: &DueDeploy, now: Timestamp, settling: Timestamp) -> (Option<Moment>, Option<Timestamp>) {
    let all = moments(&due.deploy, due.later.as_ref(), due.taken_back().is_some());
    let is_past = |moment: &&Moment| moment.at.plus(ARRIVAL) <= now;
    let look = all.iter().filter(is_past).max_by_key(|moment| moment.at);
    let is_late = now < settling
        && now.since(due.deploy.started) < LATELY
        && look.is_some_and(|moment| now.since(moment.at) > ARRIVAL + MINUTE);
    let left = look.map_or(0, |moment| PARTS.saturating_sub(spent(due, moment.look)));
    let parts = if is_late { left.min(1) } else { left };
    // What an earlier version said does not name the look; its data say nearly as much.
    let looked = due.said.as_ref().map(|said| said.looked.max(said.judged.judged_at));
    let is_new = |moment: &&Moment| looked.is_none_or(|looked| moment.at > looked || (is_late && left > 0));
    let again = (is_late && left > parts).then(|| now.plus(AGAIN));
    let next = all.iter().filter(|moment| !is_past(moment)).map(|moment| moment.at.plus(ARRIVAL));
    (look.filter(is_new).map(|moment| Moment { parts, ..*moment }), next.chain(again).min())
}

/// What is spent of a look's part.
pub(super) fn spent(due: &DueDeploy, look: Look) -> u8 {
    due.said.as_ref().and_then(|said| said.spent.get(&look.number()).copied()).unwrap_or(0)
}

fn moments(deploy: &Deploy, later: Option<&Deploy>, is_taken_back: bool) -> Vec<Moment> {
    let start = deploy.started.floor(MINUTE);
    let at = |minutes: i64| start.plus(minutes * MINUTE);
    let mut all: Vec<Moment> = (1..=60).filter_map(|minutes| Some(whole(Look::at(minutes)?, at(minutes)))).collect();
    all.extend(LEAKS.map(|minutes| Moment { look: Look::Hour, at: at(minutes), end: at(60), parts: PARTS }));
    let ceiling = |at: Timestamp| at.plus(MINUTE - 1).floor(MINUTE);
    if let DeployPhase::Settled { at } | DeployPhase::Stuck { since: at, .. } = &deploy.phase {
        // A minute later: pods have served by then.
        let end = ceiling(*at).plus(MINUTE);
        if end > start && all.iter().all(|moment| moment.end != end) {
            all.push(whole(Look::Settled, end));
        }
    }
    let Some(later) = later else { return all };
    let (ends, now) = (later.started.floor(MINUTE).max(at(1)), ceiling(later.started).max(at(1)));
    all.retain(|moment| moment.at < now || moment.at == moment.end);
    if ends < at(60) || deploy.phase.is_open() {
        // Its own data end there; what little there is has to do.
        all.retain(|moment| moment.at < now);
        all.push(Moment { look: Look::Ended, at: now, end: ends, parts: PARTS });
    } else if is_taken_back {
        // That it was taken back is said of what was seen of it.
        all.push(Moment { look: Look::Hour, at: now, end: at(60), parts: PARTS });
    }
    all
}

/// A look that has all data up to its minute.
fn whole(look: Look, at: Timestamp) -> Moment {
    Moment { look, at, end: at, parts: PARTS }
}

#[cfg(test)]
mod tests {
    use model::{DeployId, DeployKind, Judged, RevisionHash, Sentence, ServiceId, VerdictLevel};
    use store::Judgement;

    use super::*;

    const START: Timestamp = Timestamp(1_000_000 * MINUTE);

    fn deploy(started: i64, phase: DeployPhase) -> Deploy {
        Deploy {
            id: DeployId { service: ServiceId::new("c", "n", "Deployment", "d"), sequence: 2 },
            from: Some(RevisionHash("a".into())),
            to: RevisionHash("b".into()),
            from_name: None,
            to_name: "b".into(),
            kind: DeployKind::Image,
            phase,
            started: START.plus(started),
            rollback: false,
            reconstructed: false,
            cause: None,
            changes: vec![],
        }
    }

    /// What was said at the end of a minute, at a look that spent so much.
    fn said(minutes: i64, look: Look, parts: u8) -> Option<Judgement> {
        let looked = START.plus(minutes * MINUTE);
        let (level, headline) = (VerdictLevel::Healthy, Sentence::default());
        let judged = Judged { sequence: 2, level, headline, note: String::new(), judged_at: looked };
        Some(Judgement { judged, flagged: vec![], looked, spent: [(look.number(), parts)].into() })
    }

    /// The look, with the minute at which its data end, and the minute after whose end to come again.
    fn check(due: &DueDeploy, now: i64, look: Option<(Look, i64)>, next: Option<i64>) {
        let (found, again) = moment(due, START.plus(now), START);
        let found = found.map(|moment| (moment.look, moment.end.since(START) / MINUTE));
        let next = next.map(|minutes| START.plus(minutes * MINUTE + ARRIVAL));
        assert_eq!((found, again), (look, next), "at {now}");
    }

    #[test]
    fn a_deploy_is_looked_at_each_minute_and_then_more_rarely() {
        let mut due = DueDeploy { deploy: deploy(40 * SECOND, DeployPhase::RollingOut), later: None, said: None };
        check(&due, 50 * SECOND, None, Some(1));
        check(&due, MINUTE + ARRIVAL, Some((Look::Minute(1), 1)), Some(2));
        check(&due, 17 * MINUTE, Some((Look::Minute(15), 15)), Some(30));
        due.said = said(15, Look::Minute(15), PARTS);
        check(&due, 17 * MINUTE, None, Some(30));
        check(&due, 61 * MINUTE, Some((Look::Hour, 60)), Some(90));
        due.said = said(60, Look::Hour, PARTS);
        check(&due, 89 * MINUTE, None, Some(90));
        check(&due, 5 * 60 * MINUTE, Some((Look::Hour, 60)), Some(480));
        let parts = moment(&due, START.plus(5 * 60 * MINUTE), START).0.map(|moment| moment.parts);
        assert_eq!(parts, Some(0), "what the hour had is not had again");
        due.said = said(480, Look::Hour, PARTS);
        check(&due, 500 * MINUTE, None, None);
    }

    #[test]
    fn what_settles_late_is_looked_at_once_more() {
        let settled = DeployPhase::Settled { at: START.plus(80 * MINUTE + SECOND) };
        let said = said(60, Look::Hour, PARTS);
        let due = DueDeploy { deploy: deploy(0, settled), later: None, said };
        check(&due, 81 * MINUTE, None, Some(82));
        check(&due, 90 * MINUTE, Some((Look::Settled, 82)), Some(90));
    }

    #[test]
    fn after_a_start_what_was_missed_is_looked_at_again() {
        let deploy = deploy(0, DeployPhase::RollingOut);
        let mut due = DueDeploy { deploy, later: None, said: said(30, Look::Half, 1) };
        let (now, half) = (START.plus(40 * MINUTE), whole(Look::Half, START.plus(30 * MINUTE)));
        let (again, hour) = (Some(now.plus(AGAIN)), Some(START.plus(60 * MINUTE + ARRIVAL)));
        let part = Some(Moment { parts: 1, ..half });
        assert_eq!(moment(&due, now, now.plus(MINUTE)), (part, again));
        assert_eq!(moment(&due, now, now), (None, hour), "not once that is over");
        due.said = said(30, Look::Half, PARTS - 1);
        assert_eq!(moment(&due, now, now.plus(MINUTE)), (part, hour), "the last part");
        due.said = said(30, Look::Half, PARTS);
        assert_eq!(moment(&due, now, now.plus(MINUTE)), (None, hour), "nor where it was had in time");
    }

    #[test]
    fn the_next_deploy_ends_it() {
        let later = Some(deploy(5 * MINUTE + 20 * SECOND, DeployPhase::RollingOut));
        let due = DueDeploy { deploy: deploy(0, DeployPhase::RollingOut), later, said: None };
        check(&due, 4 * MINUTE + ARRIVAL, Some((Look::Minute(4), 4)), Some(5));
        check(&due, 5 * MINUTE + ARRIVAL, Some((Look::Minute(5), 5)), Some(6));
        check(&due, 30 * MINUTE, Some((Look::Ended, 5)), None);
    }

    #[test]
    fn one_that_follows_long_after_ends_nothing_unless_it_takes_the_service_back() {
        let settled = DeployPhase::Settled { at: START.plus(2 * MINUTE) };
        let mut next = deploy(500 * MINUTE, DeployPhase::RollingOut);
        let mut due = DueDeploy { deploy: deploy(0, settled), later: Some(next.clone()), said: None };
        check(&due, 501 * MINUTE, Some((Look::Hour, 60)), None);
        due.said = said(480, Look::Hour, PARTS);
        check(&due, 501 * MINUTE, None, None);
        next.rollback = true;
        due.later = Some(next);
        check(&due, 501 * MINUTE, Some((Look::Hour, 60)), None);
        let spent = moment(&due, START.plus(501 * MINUTE), START).0.map(|moment| moment.parts);
        assert_eq!(spent, Some(0), "its part was spent at the hour");
        due.said = said(501, Look::Hour, PARTS);
        check(&due, 502 * MINUTE, None, None);
        due.deploy.rollback = true;
        due.said = said(480, Look::Hour, PARTS);
        check(&due, 501 * MINUTE, None, None);
    }

    #[test]
    fn what_leaks_is_not_looked_for_once_another_revision_runs() {
        let later = Some(deploy(100 * MINUTE, DeployPhase::RollingOut));
        let said = said(90, Look::Hour, PARTS);
        let due = DueDeploy { deploy: deploy(0, DeployPhase::Settled { at: START }), later, said };
        check(&due, 130 * MINUTE, None, None);
    }

    #[test]
    fn first_revisions_are_looked_at_as_any_other() {
        let first = Deploy { kind: DeployKind::First, from: None, ..deploy(0, DeployPhase::RollingOut) };
        let due = DueDeploy { deploy: first, later: None, said: None };
        check(&due, 3 * MINUTE + ARRIVAL, Some((Look::Minute(3), 3)), Some(4));
    }
}
