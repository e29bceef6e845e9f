//! What the feed asks ⇄ the page's address, and ⇄ one string on the wire. Nonsense falls back to the default.

use std::fmt;
use std::str::FromStr;

use model::{FeedQuery, VerdictLevel};

use crate::url::{Query, toggled};

/// Rows of a page.
const LIMIT: u32 = 60;

/// What an address asks for, but for its range.
pub(super) fn of_url(query: &Query) -> FeedQuery {
    let word = |key| query.get(key).unwrap_or_default();
    FeedQuery {
        text: word("q").chars().take(200).collect(),
        namespace: word("ns").chars().take(200).collect(),
        levels: word("level").split(',').filter_map(VerdictLevel::from_key).collect(),
        window: None,
        before: word("before").parse().ok(),
        limit: LIMIT,
    }
}

/// The address with a level added to the filter, or taken from it; back on the first page.
pub(super) fn toggle(query: Query, now: &[VerdictLevel], level: VerdictLevel) -> Query {
    let keys = toggled(VerdictLevel::ALL, now, level).map(VerdictLevel::key);
    query.with("level", &keys.collect::<Vec<_>>().join(",")).with("before", "")
}

/// A question as one string, as `Query::of_line` reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask(pub(crate) FeedQuery);

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ask = &self.0;
        let levels: Vec<_> = ask.levels.iter().map(|level| level.key()).collect();
        let before = ask.before.as_ref().map(ToString::to_string).unwrap_or_default();
        write!(f, "ns={};level={};before={before};q={}", ask.namespace.replace(';', ""), levels.join(","), ask.text)
    }
}

impl FromStr for Ask {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Query::of_line(text).map(|query| Self(of_url(&query)))
    }
}

model::as_text!(Ask);

#[cfg(test)]
mod tests {
    use model::{DeployId, FeedPlace, ServiceId, Timestamp};

    use super::*;

    #[test]
    fn questions_survive_the_wire_whatever_the_text_holds() {
        for text in ["", "cart", "a;b=c,d&e", "q=x;y"] {
            let ask = Ask(FeedQuery {
                text: text.into(),
                namespace: "shop".into(),
                levels: vec![VerdictLevel::Failed, VerdictLevel::Stuck],
                window: None,
                before: Some(FeedPlace {
                    started: Timestamp(1_700_000_000_123_456_789),
                    id: DeployId { service: ServiceId::new("c-1", "shop", "Deployment", "cart"), sequence: 3 },
                }),
                limit: LIMIT,
            });
            assert_eq!(ask.to_string().parse(), Ok(ask));
        }
    }

    #[test]
    fn a_level_is_added_and_taken_away_again() {
        let one = toggle(Query::default().with("before", "5"), &[], VerdictLevel::Failed);
        assert_eq!(one.to_string(), "?level=failed");
        assert_eq!(toggle(one.clone(), &of_url(&one).levels, VerdictLevel::Failed).to_string(), "");
    }
}
