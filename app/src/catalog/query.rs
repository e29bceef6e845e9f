//! What the catalog asks ⇄ the page's address, and ⇄ one string on the wire. Nonsense falls back to the default:
//! an address never breaks the page.

use std::fmt;
use std::str::FromStr;

use model::{CatalogQuery, CatalogSort, Health};

use crate::url::{Query, toggled};

/// Rows of a window.
pub(super) const LIMIT: u32 = 60;

/// All services, worst first.
pub(super) fn all() -> CatalogQuery {
    CatalogQuery {
        text: String::new(),
        namespaces: Vec::new(),
        kinds: Vec::new(),
        health: Vec::new(),
        changed: false,
        grouped: false,
        sort: CatalogSort::Health,
        reverse: false,
        offset: 0,
        limit: LIMIT,
    }
}

/// What an address asks for.
pub(super) fn of_url(query: &Query) -> CatalogQuery {
    let word = |key| query.get(key).unwrap_or_default();
    CatalogQuery {
        text: word("q").chars().take(200).collect(),
        namespaces: list(word("ns")),
        kinds: list(word("kind")),
        health: word("health").split(',').filter_map(Health::from_key).collect(),
        changed: word("changed") == "1",
        grouped: word("all") == "1",
        sort: CatalogSort::from_key(word("sort")).unwrap_or_default(),
        reverse: word("dir") == "reverse",
        ..all()
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').filter(|part| !part.is_empty()).take(50).map(str::to_owned).collect()
}

/// The address with a health added to the filter, or taken from it.
pub(super) fn toggle(query: Query, now: &[Health], health: Health) -> Query {
    let keys = toggled(Health::ALL, now, health).map(Health::key);
    query.with("health", &keys.collect::<Vec<_>>().join(","))
}

/// The address of a click on a column: ordered by it, or turned round where it already is.
pub(super) fn sorted(query: Query, now: &CatalogQuery, sort: CatalogSort) -> Query {
    let key = if sort == CatalogSort::Health { "" } else { sort.key() };
    let reverse = if now.sort == sort && !now.reverse { "reverse" } else { "" };
    query.with("sort", key).with("dir", reverse)
}

/// A question as one string: `health=failing,degraded;sort=name;offset=60;q=free text`. The free text comes last, so
/// it may hold anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask(pub(crate) CatalogQuery);

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ask = &self.0;
        let health: Vec<_> = ask.health.iter().map(|health| health.key()).collect();
        let flag = |yes| if yes { "1" } else { "" };
        write!(f, "ns={};kind={};health={};", ask.namespaces.join(","), ask.kinds.join(","), health.join(","))?;
        write!(f, "changed={};all={};sort={};", flag(ask.changed), flag(ask.grouped), ask.sort.key())?;
        let dir = if ask.reverse { "reverse" } else { "" };
        write!(f, "dir={dir};offset={};limit={};q={}", ask.offset, ask.limit, ask.text)
    }
}

impl FromStr for Ask {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let query = Query::of_line(text)?;
        let number = |key| query.get(key).and_then(|value| value.parse::<u32>().ok());
        let limit = number("limit").unwrap_or(LIMIT).min(200);
        Ok(Self(CatalogQuery { offset: number("offset").unwrap_or(0), limit, ..of_url(&query) }))
    }
}

model::as_text!(Ask);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_survive_the_wire_whatever_the_text_holds() {
        for text in ["", "cart", "a;b=c,d&e", "q=x;y", "ü 💥"] {
            let ask = Ask(CatalogQuery {
                text: text.into(),
                namespaces: vec!["shop".into(), "media".into()],
                health: vec![Health::Failing, Health::RollingOut],
                changed: true,
                sort: CatalogSort::P95,
                reverse: true,
                offset: 120,
                ..all()
            });
            assert_eq!(ask.to_string().parse(), Ok(ask));
        }
        assert!("".parse::<Ask>().is_err() && "sort".parse::<Ask>().is_err());
    }

    #[test]
    fn an_address_of_nonsense_is_the_whole_list() {
        let query =
            Query::default().with("sort", "x").with("health", "great,").with("dir", "up").with("changed", "yes");
        assert_eq!(of_url(&query), all());
    }

    #[test]
    fn clicking_a_column_twice_turns_it_round() {
        let once = sorted(Query::default(), &all(), CatalogSort::Name);
        assert_eq!(once.to_string(), "?sort=name");
        let twice = sorted(once.clone(), &of_url(&once), CatalogSort::Name);
        assert_eq!(twice.to_string(), "?sort=name&dir=reverse");
        assert_eq!(sorted(twice.clone(), &of_url(&twice), CatalogSort::Health).to_string(), "");
    }

    #[test]
    fn a_health_is_added_and_taken_away_again() {
        let one = toggle(Query::default(), &[], Health::Degraded);
        let two = toggle(one.clone(), &of_url(&one).health, Health::Failing);
        assert_eq!(two.to_string(), "?health=failing,degraded");
        assert_eq!(toggle(two.clone(), &of_url(&two).health, Health::Failing), one);
    }
}
