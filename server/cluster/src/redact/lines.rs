//! Hides the secret parts of a text of several lines: of a file in a ConfigMap only those lines, so that the others
//! can still be compared.

use super::shapes::{has_secret_shape, is_dense, names_secret, tokens};

/// The text with secret parts replaced by what `hashed` makes of them.
pub(super) fn hide(text: &str, hashed: &dyn Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    // What is indented deeper than this belongs to a secret key above it.
    let mut deeper_than: Option<usize> = None;
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let indent = line.len() - line.trim_start().len();
        if line.trim().is_empty() {
            out.push_str(line);
            continue;
        }
        if deeper_than.is_some_and(|limit| indent > limit) {
            out.push_str(&line[..indent]);
            out.push_str(&hashed(line.trim()));
            continue;
        }
        let (shown, opens) = hide_line(line, hashed);
        deeper_than = opens.then_some(indent);
        out.push_str(&shown);
    }
    out
}

/// A line without its secret, and whether what is indented below it belongs to the secret.
fn hide_line(line: &str, hashed: &dyn Fn(&str) -> String) -> (String, bool) {
    if let Some(at) = secret_starts(line) {
        let (head, tail) = line.split_at(at);
        let value = tail.trim();
        let opens = value.is_empty() || matches!(value, "|" | ">" | "|-" | ">-" | "|+" | ">+" | "[" | "{" | "-");
        let shown = if opens { line.to_owned() } else { format!("{head}{}", hashed(value)) };
        return (shown, opens);
    }
    if has_secret_shape(line) || tokens(line).any(is_dense) {
        let at = line.find(['=', ':']).map_or(0, |at| at + 1);
        // The separator of a URL is part of the secret.
        let at = if line[at..].starts_with("//") { 0 } else { at };
        let indent = line.len() - line.trim_start().len();
        let (head, tail) = line.split_at(at.max(indent));
        return (format!("{head}{}", hashed(tail)), false);
    }
    (line.to_owned(), false)
}

/// Where the value of a secret begins in a line: after the first separator behind nothing but names, or at the start
/// where the line has another form and speaks of a secret.
fn secret_starts(line: &str) -> Option<usize> {
    let names =
        |part: &str| part.split(|c: char| c.is_whitespace() || matches!(c, ',' | '{' | ';' | '&')).any(names_secret);
    if !names(line) {
        return None;
    }
    let first = line.find(['=', ':']);
    match first {
        // `Authorization: Bearer x`, `password=x`, `"secret": "x"`, `a=1 password=x`.
        Some(at) => Some(at + 1),
        // `<password>x</password>`, `login y password z`: no separator, so all of it.
        None if line.trim().contains(char::is_whitespace) || line.contains('<') => {
            Some(line.len() - line.trim_start().len())
        }
        None => Some(line.len()),
    }
}
