//! The part of the address after `?` as pairs, so that links can change one and keep the others. Written the same
//! way on both renders, which the browser's and the server's own escaping are not.

use std::fmt;

use leptos_router::params::ParamsMap;

/// A query string in pairs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn of(params: &ParamsMap) -> Self {
        Self(params.latest_values().map(|(key, value)| (key.to_string(), value.to_owned())).collect())
    }

    /// From `key=value;key=value;q=free text`, as a question is sent. The free text comes last, so it may hold anything.
    pub(crate) fn of_line(text: &str) -> Result<Self, &'static str> {
        let mut rest = text;
        let mut query = Self::default();
        while let Some((pair, more)) = rest.split_once(';').filter(|_| !rest.starts_with("q=")) {
            let (key, value) = pair.split_once('=').ok_or("a question is made of key=value")?;
            query = query.with(key, value);
            rest = more;
        }
        Ok(query.with("q", rest.strip_prefix("q=").ok_or("a question ends in q=")?))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// The query with one pair set, or taken away when the value is empty.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        match self.0.iter_mut().find(|(k, _)| k == key) {
            Some(pair) => value.clone_into(&mut pair.1),
            None => self.0.push((key.to_owned(), value.to_owned())),
        }
        self.0.retain(|(_, value)| !value.is_empty());
        self
    }

    /// Only some of the pairs.
    #[must_use]
    pub(crate) fn only(mut self, keys: &[&str]) -> Self {
        self.0.retain(|(key, _)| keys.contains(&key.as_str()));
        self
    }
}

impl fmt::Display for Query {
    /// With `?` in front; nothing when there is no pair.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (key, value)) in self.0.iter().enumerate() {
            write!(f, "{}{}={}", if i == 0 { '?' } else { '&' }, escape(key), escape(value))?;
        }
        Ok(())
    }
}

/// What is chosen, with one more or, where it was among them, without it; in the order of all.
pub(crate) fn toggled<T: Copy + PartialEq>(
    all: impl IntoIterator<Item = T>,
    now: &[T],
    one: T,
) -> impl Iterator<Item = T> {
    all.into_iter().filter(move |it| now.contains(it) != (*it == one))
}

/// Percent-encodes all but what every part of an address may hold.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b',' | b':' | b'/' | b'@') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pair_changes_and_the_others_stay() {
        let query = Query::default().with("range", "1h").with("q", "a b&c").with("sort", "name");
        assert_eq!(query.to_string(), "?range=1h&q=a%20b%26c&sort=name");
        assert_eq!(query.clone().with("q", "").to_string(), "?range=1h&sort=name");
        assert_eq!(query.only(&["range"]).to_string(), "?range=1h");
        assert_eq!(Query::default().to_string(), "");
    }
}
