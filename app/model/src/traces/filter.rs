//! What is searched for in spans, as a person types it: `endpoint:"POST /checkout" status:error duration:>250ms
//! http:5xx user.tier=gold -healthz`. All terms must hold; `-` before one turns it round.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::SpanKind;
use crate::terms::{self, Piece};

/// Terms that must all hold; none lets everything through.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SpanFilter {
    /// The terms.
    pub terms: Vec<SpanTerm>,
}

/// One test, or its opposite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanTerm {
    /// It must not hold.
    pub not: bool,
    /// The test.
    pub test: SpanTest,
}

/// What a span is tested for. Texts are compared without regard to the case of ASCII letters, values exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpanTest {
    /// `endpoint:"POST /checkout"`: it is a request of this endpoint.
    Endpoint(String),
    /// `status:error`: it failed; `status:ok`: it did not.
    Failed(bool),
    /// `duration:>250ms`: how long it took, in nanoseconds.
    Duration(Compare, i64),
    /// `http:404`, `http:>=500`, `http:5xx`: its HTTP status is not less than the first and not more than the second.
    Http(u16, u16),
    /// `kind:client`: what it is of.
    Kind(SpanKind),
    /// `word`: its name or endpoint holds these letters, also inside a word.
    Holds(String),
    /// `"some words"`: its name or endpoint holds these whole words one after the other.
    Phrase(String),
    /// `key=value`: an attribute of the span or of its resource has this value; `pod`, `revision`, `scope`, `trace`
    /// and `error` (the error group) are keys too.
    Equals(String, String),
    /// `key=*`: it has the attribute.
    Has(String),
}

/// How a number stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compare {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// Without a sign.
    Equal,
    /// `>=`
    AtLeast,
    /// `>`
    More,
}

impl Compare {
    /// Whether it holds.
    pub fn holds(self, number: i64, than: i64) -> bool {
        match self {
            Self::Less => number < than,
            Self::AtMost => number <= than,
            Self::Equal => number == than,
            Self::AtLeast => number >= than,
            Self::More => number > than,
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "",
            Self::AtLeast => ">=",
            Self::More => ">",
        }
    }

    /// From the sign in front of a text, and what follows it.
    fn read(text: &str) -> (Self, &str) {
        let all = [Self::AtMost, Self::AtLeast, Self::Less, Self::More];
        let found = all.into_iter().find_map(|compare| Some((compare, text.strip_prefix(compare.sign())?)));
        found.unwrap_or((Self::Equal, text))
    }
}

impl SpanFilter {
    /// Whether it asks for keys, which resources have too.
    pub fn asks_keys(&self) -> bool {
        self.terms.iter().any(|term| matches!(term.test, SpanTest::Equals(..) | SpanTest::Has(_)))
    }

    /// Whether it asks for kinds, so that it is not about requests only.
    pub fn asks_kinds(&self) -> bool {
        self.terms.iter().any(|term| matches!(term.test, SpanTest::Kind(_)))
    }

    /// The filter with a test added, in place of those of its sort that `is_like` names.
    #[must_use]
    pub fn with(mut self, test: Option<SpanTest>, is_like: fn(&SpanTest) -> bool) -> Self {
        self.terms.retain(|term| !is_like(&term.test));
        self.terms.extend(test.map(|test| SpanTerm { not: false, test }));
        self
    }
}

impl FromStr for SpanFilter {
    type Err = String;

    /// Reads a query; the error says what to do.
    fn from_str(text: &str) -> Result<Self, String> {
        let terms = terms::terms(text, &["endpoint", "status", "duration", "http", "kind"], test)?;
        Ok(Self { terms: terms.into_iter().map(|(not, test)| SpanTerm { not, test }).collect() })
    }
}

fn test(piece: Piece<'_>) -> Result<SpanTest, String> {
    Ok(match piece {
        Piece::Named("endpoint", endpoint) => SpanTest::Endpoint(endpoint),
        Piece::Named("status", word) => match &*word {
            "error" => SpanTest::Failed(true),
            "ok" => SpanTest::Failed(false),
            _ => return Err(format!("“{word}” is no status; there are error and ok")),
        },
        Piece::Named("duration", text) => {
            let (compare, length) = Compare::read(&text);
            let length = nanos(length).ok_or_else(|| format!("“{length}” is no duration; write 250ms, 1.5s or 2m"))?;
            SpanTest::Duration(compare, length)
        }
        Piece::Named("kind", word) => {
            let kind = (0..=5).map(SpanKind::from_number).find(|kind| kind.word() == word);
            let known = || (1..=5).map(|number| SpanKind::from_number(number).word()).collect::<Vec<_>>().join(", ");
            SpanTest::Kind(kind.ok_or_else(|| format!("“{word}” is no kind; there are {}", known()))?)
        }
        Piece::Named(_, text) => {
            http(&text).ok_or_else(|| format!("“{text}” is no HTTP status; write 404, 5xx or >=500"))?
        }
        Piece::Pair(key, value) if value == "*" => SpanTest::Has(key.to_owned()),
        Piece::Pair(key, value) => SpanTest::Equals(key.to_owned(), value),
        Piece::Quoted(words) if words.chars().any(char::is_alphanumeric) => SpanTest::Phrase(words),
        Piece::Quoted(text) => SpanTest::Holds(text),
        Piece::Word(word) => SpanTest::Holds(word.to_owned()),
    })
}

/// Units of a duration, the longest first.
const UNITS: [(&str, i64); 7] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("µs", 1_000),
    ("us", 1_000),
    ("ns", 1),
];

/// `250ms`, `1.5s` in nanoseconds.
fn nanos(text: &str) -> Option<i64> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(at);
    let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
    match number.parse::<i64>() {
        Ok(whole) => whole.checked_mul(*length),
        Err(_) => Some((number.parse::<f64>().ok()? * *length as f64).round() as i64),
    }
}

/// The shortest way to write a duration exactly.
fn nanos_text(nanos: i64) -> String {
    let unit = UNITS.iter().find(|(_, length)| nanos > 0 && nanos % length == 0);
    unit.map_or_else(|| format!("{nanos}ns"), |(name, length)| format!("{}{name}", nanos / length))
}

/// A span without an HTTP status has 0, which no range holds.
fn http(text: &str) -> Option<SpanTest> {
    if let Some(class) = text.strip_suffix("xx") {
        let class: u16 = class.parse().ok().filter(|class| (1..=9).contains(class))?;
        return Some(SpanTest::Http(class * 100, class * 100 + 99));
    }
    let (compare, number) = Compare::read(text);
    let number: u16 = number.parse().ok().filter(|number| (1..=999).contains(number))?;
    Some(match compare {
        Compare::Less => SpanTest::Http(1, number - 1),
        Compare::AtMost => SpanTest::Http(1, number),
        Compare::Equal => SpanTest::Http(number, number),
        Compare::AtLeast => SpanTest::Http(number, u16::MAX),
        Compare::More => SpanTest::Http(number + 1, u16::MAX),
    })
}

fn http_text(from: u16, to: u16) -> String {
    match (from, to) {
        (from, to) if from == to => from.to_string(),
        (from, u16::MAX) => format!(">={from}"),
        (from, to) if from % 100 == 0 && to == from + 99 => format!("{}xx", from / 100),
        (_, to) => format!("<{}", to + 1),
    }
}

impl fmt::Display for SpanFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, term) in self.terms.iter().enumerate() {
            f.write_str(if n > 0 { " " } else { "" })?;
            f.write_str(if term.not { "-" } else { "" })?;
            match &term.test {
                SpanTest::Endpoint(endpoint) => write!(f, "endpoint:{}", terms::written(endpoint))?,
                SpanTest::Failed(true) => f.write_str("status:error")?,
                SpanTest::Failed(false) => f.write_str("status:ok")?,
                SpanTest::Duration(compare, nanos) => {
                    write!(f, "duration:{}{}", compare.sign(), nanos_text(*nanos))?;
                }
                SpanTest::Http(from, to) => write!(f, "http:{}", http_text(*from, *to))?,
                SpanTest::Kind(kind) => write!(f, "kind:{}", kind.word())?,
                SpanTest::Holds(word) => f.write_str(&terms::written(word))?,
                SpanTest::Phrase(words) => f.write_str(&terms::in_quotes(words))?,
                SpanTest::Equals(key, value) => write!(f, "{key}={}", terms::written(value))?,
                SpanTest::Has(key) => write!(f, "{key}=*")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> SpanTerm {
        let filter: SpanFilter = text.parse().unwrap();
        assert_eq!(filter.terms.len(), 1, "{text}");
        filter.terms[0].clone()
    }

    #[test]
    fn each_kind_of_term_is_read_and_written() {
        for (text, test) in [
            (r#"endpoint:"POST /checkout""#, SpanTest::Endpoint("POST /checkout".into())),
            ("endpoint:tick", SpanTest::Endpoint("tick".into())),
            ("status:error", SpanTest::Failed(true)),
            ("status:ok", SpanTest::Failed(false)),
            ("duration:>250ms", SpanTest::Duration(Compare::More, 250_000_000)),
            ("duration:<=2s", SpanTest::Duration(Compare::AtMost, 2_000_000_000)),
            ("duration:7ns", SpanTest::Duration(Compare::Equal, 7)),
            ("http:404", SpanTest::Http(404, 404)),
            ("http:>=500", SpanTest::Http(500, u16::MAX)),
            ("http:5xx", SpanTest::Http(500, 599)),
            ("http:<400", SpanTest::Http(1, 399)),
            ("kind:client", SpanTest::Kind(SpanKind::Client)),
            ("healthz", SpanTest::Holds("healthz".into())),
            ("http://x", SpanTest::Holds("http://x".into())),
            (r#""a b""#, SpanTest::Phrase("a b".into())),
            ("user.tier=gold", SpanTest::Equals("user.tier".into(), "gold".into())),
            (r#"k="a b""#, SpanTest::Equals("k".into(), "a b".into())),
            ("k=*", SpanTest::Has("k".into())),
        ] {
            for (text, not) in [(text.to_owned(), false), (format!("-{text}"), true)] {
                let term = one(&text);
                assert_eq!(term, SpanTerm { not, test: test.clone() }, "{text}");
                assert_eq!(SpanFilter { terms: vec![term] }.to_string(), text);
            }
        }
        for (text, test) in [
            ("duration:>=1.5s", SpanTest::Duration(Compare::AtLeast, 1_500_000_000)),
            ("duration:<2m", SpanTest::Duration(Compare::Less, 120_000_000_000)),
            ("http:>499", SpanTest::Http(500, u16::MAX)),
            ("http:<=399", SpanTest::Http(1, 399)),
        ] {
            assert_eq!(one(text).test, test, "{text}");
        }
    }

    #[test]
    fn what_can_not_be_read_says_what_to_do() {
        for (text, word) in [
            ("status:bad", "error and ok"),
            ("duration:>fast", "250ms"),
            ("duration:>9", "250ms"),
            ("duration:99999999999999h", "250ms"),
            ("http:teapot", "404"),
            ("http:0", "404"),
            ("kind:loud", "consumer"),
            ("endpoint:\"open", "quotation mark"),
        ] {
            let said = text.parse::<SpanFilter>().unwrap_err();
            assert!(said.contains(word), "{text}: {said}");
        }
    }

    #[test]
    fn a_test_takes_the_place_of_those_of_its_sort() {
        let filter: SpanFilter = "duration:>1s cart duration:<9s".parse().unwrap();
        let is_duration: fn(&SpanTest) -> bool = |test| matches!(test, SpanTest::Duration(..));
        let with = filter.with(Some(SpanTest::Duration(Compare::More, 1_000)), is_duration);
        assert_eq!(with.to_string(), "cart duration:>1µs");
        assert_eq!(with.with(None, is_duration).to_string(), "cart");
    }
}
