//! Which two revisions are compared ⇄ the address: `compare=old..new`, of one that ran several times with the deploy
//! that began the run: `compare=old@3..new@5`; `by=clock`. Pure.

use model::{Align, Deploy, Pair, RevisionHash, RunOf};

use crate::url::Query;

/// Where on the page the comparison is.
pub(super) const PLACE: &str = "comparison";

/// The side of a comparison that a revision is put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

/// From an address; what names no two revisions compares nothing.
pub(super) fn of_url(query: &Query) -> Option<Pair> {
    let (old, new) = query.get("compare")?.split_once("..")?;
    let by = if query.get("by") == Some("clock") { Align::Clock } else { Align::Age };
    let (old, new): (RunOf, RunOf) = (old.parse().ok()?, new.parse().ok()?);
    (old != new).then_some(Pair { old, new, by })
}

/// The query with a pair in it.
pub(super) fn into_url(query: Query, pair: &Pair) -> Query {
    let by = match pair.by {
        Align::Age => "",
        Align::Clock => "clock",
    };
    query.with("compare", &format!("{}..{}", pair.old, pair.new)).with("by", by)
}

/// The query without a comparison.
pub(super) fn without(query: Query) -> Query {
    query.with("compare", "").with("by", "")
}

/// What a deploy moved the service from and to, each of the run that is meant: the one it began, and the one it ended.
/// `deploys` are those of the service, the newest first. Nothing for one that has nothing before it.
pub(super) fn of_deploy<'a>(deploy: &Deploy, deploys: impl IntoIterator<Item = &'a Deploy>) -> Option<Pair> {
    let from = deploy.from.as_ref().filter(|from| **from != deploy.to)?;
    let is_before = |other: &&Deploy| other.id.sequence < deploy.id.sequence && other.to == *from;
    let began = deploys.into_iter().find(is_before).map(|other| other.id.sequence);
    let old = RunOf { hash: from.clone(), deploy: began };
    Some(Pair { old, new: RunOf { hash: deploy.to.clone(), deploy: Some(deploy.id.sequence) }, by: Align::Age })
}

/// The pair once the newest run of a revision is put on a side. It changes places with the other where it was that
/// revision; where nothing was compared, the other is the first that is listed. Nothing where there is no other.
pub(super) fn with(now: Option<&Pair>, side: Side, chosen: &RevisionHash, listed: &[RevisionHash]) -> Option<Pair> {
    let by = now.map(|pair| pair.by).unwrap_or_default();
    let first = || listed.iter().find(|hash| *hash != chosen).cloned().map(RunOf::newest);
    let other = match (now, side) {
        (None, _) => first()?,
        (Some(pair), Side::Old) if pair.new.hash == *chosen => pair.old.clone(),
        (Some(pair), Side::Old) => pair.new.clone(),
        (Some(pair), Side::New) if pair.old.hash == *chosen => pair.new.clone(),
        (Some(pair), Side::New) => pair.old.clone(),
    };
    // Two runs of one revision were compared.
    let other = if other.hash == *chosen { first()? } else { other };
    let chosen = RunOf::newest(chosen.clone());
    Some(match side {
        Side::Old => Pair { old: chosen, new: other, by },
        Side::New => Pair { old: other, new: chosen, by },
    })
}

#[cfg(test)]
mod tests {
    use model::{DeployId, DeployKind, DeployPhase, ServiceId, Timestamp};

    use super::*;

    fn hash(text: &str) -> RevisionHash {
        RevisionHash(text.into())
    }

    fn pair(old: &str, new: &str) -> Pair {
        Pair { old: old.parse().unwrap(), new: new.parse().unwrap(), by: Align::Age }
    }

    #[test]
    fn the_address_keeps_the_pair_and_nonsense_compares_nothing() {
        let by_clock = Pair { by: Align::Clock, ..pair("a", "b.c") };
        for pair in [pair("a", "b.c"), by_clock, pair("a@3", "b"), pair("a@1", "a@3")] {
            let query = into_url(Query::default().with("deploy", "3"), &pair);
            assert_eq!((of_url(&query).as_ref(), query.get("deploy")), (Some(&pair), Some("3")));
            assert_eq!(without(query).to_string(), "?deploy=3");
        }
        for wrong in ["", "a", "a..", "..b", "a..a", "a.b", "a@x..b", "a@1..a@1"] {
            assert_eq!(of_url(&Query::default().with("compare", wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn one_choice_is_enough_and_two_of_the_same_change_places() {
        let listed = ["c", "b", "a"].map(hash);
        let choose = |now: Option<&Pair>, side, chosen| with(now, side, &hash(chosen), &listed);
        assert_eq!(choose(None, Side::Old, "a"), Some(pair("a", "c")));
        assert_eq!(choose(None, Side::Old, "c"), Some(pair("c", "b")));
        assert_eq!(choose(None, Side::New, "b"), Some(pair("c", "b")));
        let now = pair("b", "c");
        assert_eq!(choose(Some(&now), Side::Old, "a"), Some(pair("a", "c")));
        assert_eq!(choose(Some(&now), Side::Old, "c"), Some(pair("c", "b")));
        assert_eq!(choose(Some(&now), Side::New, "b"), Some(pair("c", "b")));
        assert_eq!(with(None, Side::Old, &hash("a"), &listed[2..]), None);
        let runs = pair("b@1", "c@2");
        assert_eq!(choose(Some(&runs), Side::New, "a"), Some(pair("b@1", "a")), "the newest run is chosen");
        assert_eq!(choose(Some(&runs), Side::New, "b"), Some(pair("c@2", "b")));
        assert_eq!(choose(Some(&pair("b@1", "b@3")), Side::Old, "b"), Some(pair("b", "c")));
    }

    #[test]
    fn a_deploy_is_compared_by_the_run_it_began_and_the_one_it_ended() {
        let deploy = |sequence, from: Option<&str>, to: &str| Deploy {
            id: DeployId { service: ServiceId::new("c", "n", "Deployment", "web"), sequence },
            from: from.map(hash),
            to: hash(to),
            from_name: None,
            to_name: to.into(),
            kind: DeployKind::Image,
            phase: DeployPhase::RollingOut,
            started: Timestamp(i64::from(sequence)),
            rollback: false,
            reconstructed: false,
            cause: None,
            changes: vec![],
        };
        let all =
            [deploy(4, Some("b"), "a"), deploy(3, Some("a"), "b"), deploy(2, Some("b"), "a"), deploy(1, None, "b")];
        let of = |at: usize| of_deploy(&all[at], &all);
        assert_eq!(
            (of(0), of(1), of(2)),
            (Some(pair("b@3", "a@4")), Some(pair("a@2", "b@3")), Some(pair("b@1", "a@2")))
        );
        assert_eq!(of(3), None, "nothing was before it");
        assert_eq!(of_deploy(&all[2], &all[..2]), Some(pair("b", "a@2")), "which run it ended is not listed");
    }
}
