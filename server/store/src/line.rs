//! What a log record's text says by itself: its message and attributes where it is JSON, its level where the sender
//! did not say it, its pattern. Pure, and in linear time whatever comes.

use model::{Level, Value};
use serde_json::Value as Json;

use crate::pattern;

/// Keys under which structured loggers put what a person reads.
const MESSAGE: [&str; 5] = ["message", "msg", "log", "body", "text"];
/// Keys under which they put the level.
const LEVEL: [&str; 5] = ["level", "severity", "lvl", "loglevel", "log.level"];
/// Nesting that is followed; what is deeper stays JSON text.
const DEPTH: usize = 8;
/// A level stands at the beginning of a line, if anywhere.
const START: usize = 120;
const WORDS: usize = 12;

/// See the module.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line {
    /// What it says; nothing where that is the text as it is.
    pub body: Option<String>,
    /// How bad it is, where the text says so.
    pub level: Option<Level>,
    /// Attributes, with dots between the keys of nested objects.
    pub attributes: Vec<(String, Value)>,
}

/// Reads a text: an object of JSON is taken apart, into at most so many attributes; of anything else the level is
/// looked for, where the sender did not say it.
pub fn read(text: &str, most: usize, asks_level: bool) -> Line {
    let trimmed = text.trim();
    if trimmed.starts_with('{')
        && trimmed.ends_with('}')
        && let Ok(Json::Object(object)) = serde_json::from_str(trimmed)
    {
        return of_object(object, most);
    }
    Line { level: asks_level.then(|| level_of(text)).flatten(), ..Line::default() }
}

fn of_object(mut object: serde_json::Map<String, Json>, most: usize) -> Line {
    let mut line = Line::default();
    let text = |key: &&&str| matches!(object.get(**key), Some(Json::String(text)) if !text.is_empty());
    if let Some(key) = MESSAGE.iter().find(text)
        && let Some(Json::String(body)) = object.remove(*key)
    {
        line.body = Some(body);
    }
    line.level = LEVEL.iter().find_map(|key| match object.get(*key)? {
        Json::String(word) => Level::from_word(word),
        // Bunyan and pino: 10 trace, 20 debug, … 60 fatal.
        Json::Number(number) => match number.as_u64()? {
            tens @ 10..=60 => Level::ALL.get((tens / 10) as usize).copied(),
            _ => None,
        },
        _ => None,
    });
    for (key, value) in object {
        flatten(key, value, DEPTH, most, &mut line.attributes);
    }
    line
}

fn flatten(key: String, value: Json, depth: usize, most: usize, into: &mut Vec<(String, Value)>) {
    if into.len() >= most || key.is_empty() {
        return;
    }
    let value = match value {
        Json::Null => return,
        Json::Bool(yes) => Value::Bool(yes),
        Json::String(text) => Value::Text(text),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::Object(object) if depth > 0 => {
            for (inner, value) in object {
                flatten(format!("{key}.{inner}"), value, depth - 1, most, into);
            }
            return;
        }
        nested => Value::Json(nested.to_string()),
    };
    into.push((key, value));
}

/// The level that a line of text begins with: `2026-01-02 ERROR …`, `[warn] …`, `level=info …`, klog's `E0102 …`.
pub fn level_of(text: &str) -> Option<Level> {
    let start = pattern::cut(text, START);
    if let [letter @ (b'I' | b'W' | b'E' | b'F'), rest @ ..] = start.as_bytes()
        && rest.len() > 4
        && rest[..4].iter().all(u8::is_ascii_digit)
        && rest[4] == b' '
    {
        return Level::from_word(&char::from(*letter).to_string());
    }
    let mut before = "";
    for word in start.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).take(WORDS) {
        let at = word.as_ptr() as usize - start.as_ptr() as usize;
        let bracketed = at > 0 && matches!(start.as_bytes()[at - 1], b'[' | b'<');
        let named = matches!(before, "level" | "lvl" | "severity") && at > 0;
        let loud = word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        if (bracketed || named || loud)
            && let Some(level) = Level::from_word(word)
        {
            return Some(level);
        }
        before = word;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_taken_apart() {
        let line =
            read(r#"{"msg":"hi","level":"warning","a":{"b":[1,2],"c":{"d":null,"e":1.5}},"n":-7,"ok":true}"#, 10, true);
        assert_eq!(line.body.as_deref(), Some("hi"));
        assert_eq!(line.level, Some(Level::Warn));
        let attributes: Vec<(&str, String)> = line.attributes.iter().map(|(k, v)| (&**k, v.to_string())).collect();
        for expected in [("a.b", "[1,2]"), ("a.c.e", "1.5"), ("n", "-7"), ("ok", "true"), ("level", "warning")] {
            assert!(attributes.contains(&(expected.0, expected.1.to_owned())), "{expected:?} in {attributes:?}");
        }
        assert_eq!(read(r#"{"level":50,"a":1}"#, 10, true).level, Some(Level::Error));
        assert_eq!(read(r#"{"a":1}"#, 10, true).body, None, "without a message the text is what it says");
        assert_eq!(read(r#"{"a":1,"b":2,"c":3}"#, 2, true).attributes.len(), 2);
    }

    #[test]
    fn what_is_no_object_is_a_line() {
        for text in ["{not json}", "{", "", "[1]", &"{\"a\":".repeat(10_000)] {
            assert_eq!(read(text, 10, true), Line::default(), "{}", pattern::cut(text, 20));
        }
    }

    #[test]
    fn levels_at_the_beginning_of_lines_are_recognised() {
        for (text, level) in [
            ("2026-11-24T10:00:00Z ERROR db: gone", Some(Level::Error)),
            ("[warn] disk", Some(Level::Warn)),
            ("time=1 level=debug msg=x", Some(Level::Debug)),
            ("E1124 10:00:00.000000 1 main.go:1] no", Some(Level::Error)),
            ("INFO:     127.0.0.1 - GET /", Some(Level::Info)),
            ("<crit> all is lost", Some(Level::Fatal)),
            ("an error occurred", None),
            ("the info desk", None),
            ("E mc2", None),
            ("größe ERROR", Some(Level::Error)),
        ] {
            assert_eq!(level_of(text), level, "{text}");
            assert_eq!([true, false].map(|asks| read(text, 10, asks).level), [level, None], "{text}");
        }
    }
}
