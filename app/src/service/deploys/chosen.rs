//! Which two revisions are compared ⇄ the address: `compare=old..new`, `by=clock`. Pure.

use model::{Align, Pair, RevisionHash};

use crate::url::Query;

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
    let hash = |text: &str| RevisionHash(text.to_owned());
    (!old.is_empty() && !new.is_empty() && old != new).then(|| Pair { old: hash(old), new: hash(new), by })
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

/// The pair once a revision is put on a side. It changes places with the other where it was that one; where nothing
/// was compared, the other is the first that is listed. Nothing where there is no other.
pub(super) fn with(now: Option<&Pair>, side: Side, chosen: &RevisionHash, listed: &[RevisionHash]) -> Option<Pair> {
    let by = now.map(|pair| pair.by).unwrap_or_default();
    let first = || listed.iter().find(|hash| *hash != chosen).cloned();
    let other = match (now, side) {
        (None, _) => first()?,
        (Some(pair), Side::Old) if pair.new == *chosen => pair.old.clone(),
        (Some(pair), Side::Old) => pair.new.clone(),
        (Some(pair), Side::New) if pair.old == *chosen => pair.new.clone(),
        (Some(pair), Side::New) => pair.old.clone(),
    };
    let chosen = chosen.clone();
    Some(match side {
        Side::Old => Pair { old: chosen, new: other, by },
        Side::New => Pair { old: other, new: chosen, by },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> RevisionHash {
        RevisionHash(text.into())
    }

    fn pair(old: &str, new: &str) -> Pair {
        Pair { old: hash(old), new: hash(new), by: Align::Age }
    }

    #[test]
    fn the_address_keeps_the_pair_and_nonsense_compares_nothing() {
        let by_clock = Pair { by: Align::Clock, ..pair("a", "b.c") };
        for pair in [pair("a", "b.c"), by_clock] {
            let query = into_url(Query::default().with("deploy", "3"), &pair);
            assert_eq!((of_url(&query).as_ref(), query.get("deploy")), (Some(&pair), Some("3")));
            assert_eq!(without(query).to_string(), "?deploy=3");
        }
        for wrong in ["", "a", "a..", "..b", "a..a", "a.b"] {
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
    }
}
