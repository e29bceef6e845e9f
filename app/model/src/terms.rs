//! How what a person types to search is cut into terms: `name:value key=value "some words" word`, each turned round by
//! `-` before it. What they mean is said where they are searched.

/// Terms a query may have.
const TERMS: usize = 32;
/// Bytes a query may have.
const LENGTH: usize = 1_024;

/// A term as it was typed.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    /// `name:value`, of a name that the search knows.
    Named(&'a str, String),
    /// `key=value`.
    Pair(&'a str, String),
    /// `"some words"`.
    Quoted(String),
    /// `word`.
    Word(&'a str),
}

/// The terms of a query with whether they are turned round; `names` are those that may stand before a colon, and
/// `read` says what a term means. The error says what to do.
pub(crate) fn terms<T>(
    text: &str,
    names: &[&str],
    read: impl Fn(Piece<'_>) -> Result<T, String>,
) -> Result<Vec<(bool, T)>, String> {
    if text.len() > LENGTH {
        return Err(format!("the query is longer than {LENGTH} bytes"));
    }
    let mut terms = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (not, text) = match rest.strip_prefix('-') {
            Some(rest) if !rest.is_empty() && !rest.starts_with(char::is_whitespace) => (true, rest),
            _ => (false, rest),
        };
        let (piece, after) = piece(text, names)?;
        terms.push((not, read(piece)?));
        rest = after.trim_start();
    }
    if terms.len() > TERMS {
        return Err(format!("the query has more than {TERMS} terms"));
    }
    Ok(terms)
}

fn piece<'a>(text: &'a str, names: &[&str]) -> Result<(Piece<'a>, &'a str), String> {
    if text.starts_with('"') {
        let (words, rest) = quoted(text)?;
        return Ok((Piece::Quoted(words), rest));
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    // `http://…` is a word.
    let named = text[..end].split_once(':').filter(|(name, value)| names.contains(name) && !value.starts_with("//"));
    if let Some((name, _)) = named {
        let (value, rest) = value(&text[name.len() + 1..])?;
        return Ok((Piece::Named(name, value), rest));
    }
    let equals = text[..end].find('=').filter(|at| *at > 0);
    if let Some(at) = equals.filter(|at| !text[..*at].contains('"')) {
        let (value, rest) = value(&text[at + 1..])?;
        return Ok((Piece::Pair(&text[..at], value), rest));
    }
    let (word, rest) = text.split_at(end);
    Ok((Piece::Word(word), rest))
}

/// A value in quotes or up to the next space, and what comes after it.
fn value(text: &str) -> Result<(String, &str), String> {
    if text.starts_with('"') {
        return quoted(text);
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    Ok((text[..end].to_owned(), &text[end..]))
}

/// A text in quotes, in which `\"` and `\\` stand for themselves, and what comes after it.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((out, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, next @ ('"' | '\\'))) => out.push(next),
                Some((_, next)) => out.extend(['\\', next]),
                None => break,
            },
            other => out.push(other),
        }
    }
    Err("a quotation mark is open: put a \" where the words end".into())
}

/// A text in quotes, as [`terms`] reads it.
pub(crate) fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A value as [`terms`] reads it: in quotes only where it needs them.
pub(crate) fn written(value: &str) -> String {
    if is_plain(value) { value.to_owned() } else { in_quotes(value) }
}

/// Whether a word stands for itself without quotes.
pub(crate) fn is_plain(word: &str) -> bool {
    !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\\' | '='))
}
