//! Texts without what varies in them: span names without ids, messages without values. Both are one pass.

use std::borrow::Cow;

/// Endpoints, error groups and log patterns name rows and lines of charts; longer ones are cut.
pub const NAME: usize = 200;

/// The longest start of a text that has at most so many bytes and ends between characters.
pub fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes { text } else { &text[..text.floor_char_boundary(bytes)] }
}

/// A span's name with numbers, UUIDs and hexadecimal of 8 or more digits as `{id}`. Digits inside a word stay
/// (`/api/v2`), since they are part of a name there.
pub fn without_ids(name: &str) -> Cow<'_, str> {
    let name = cut(name, NAME * 2);
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(start) = name[at..].find(is_word).map(|offset| at + offset) {
        let end = word_end(name, start);
        if let Some(end) = id_end(name, start, end) {
            out.push_str(&name[copied..start]);
            out.push_str("{id}");
            copied = end;
            at = end;
        } else {
            at = end;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(cut(name, NAME));
    }
    out.push_str(&name[copied..]);
    out.truncate(out.floor_char_boundary(NAME));
    Cow::Owned(out)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric()
}

fn word_end(text: &str, start: usize) -> usize {
    text[start..].find(|c| !is_word(c)).map_or(text.len(), |length| start + length)
}

/// Where the id that begins with this word ends, if it is one.
fn id_end(text: &str, start: usize, end: usize) -> Option<usize> {
    let word = &text[start..end];
    let uuid = start + 36;
    if text.get(start..uuid).is_some_and(is_uuid) && word_end(text, start + 24) == uuid {
        return Some(uuid);
    }
    let number = word.bytes().all(|b| b.is_ascii_digit());
    let hex = word.len() >= 8 && word.bytes().all(|b| b.is_ascii_hexdigit());
    (number || hex).then_some(end)
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// The words of a message that do not vary: without what is quoted or in brackets, without hexadecimal and UUIDs,
/// without digits; words of two letters or more, with `.`, `_`, `-` inside. What is left over is joined by spaces.
pub fn of_message(message: &str) -> String {
    let bare = without_quoted(cut(message, 1_024));
    let mut out = String::with_capacity(bare.len().min(NAME));
    let mut rest = &*bare;
    while let Some((token, after)) = next_token(rest) {
        rest = after;
        let Some(word) = word_of(token) else { continue };
        if out.len() + word.len() + 1 > NAME {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word);
    }
    out
}

/// The next run of letters, digits, `.`, `_` and `-`, and what follows it.
fn next_token(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    // Most text is ASCII, where a character is a byte; of all other the character decides.
    let step = |at: usize| match bytes[at] {
        byte if byte.is_ascii() => (byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'), 1),
        _ => text[at..].chars().next().map_or((false, 1), |c| (c.is_alphanumeric(), c.len_utf8())),
    };
    let mut from = 0;
    while from < bytes.len() {
        let (is_in, length) = step(from);
        if is_in {
            break;
        }
        from += length;
    }
    let mut to = from;
    while to < bytes.len() {
        let (is_in, length) = step(to);
        if !is_in {
            break;
        }
        to += length;
    }
    (from < to).then(|| (&text[from..to], &text[to..]))
}

/// A token without digits, if it is a word and no id.
fn word_of(token: &str) -> Option<Cow<'_, str>> {
    let token = trimmed(token);
    let has_digit = token.bytes().any(|b| b.is_ascii_digit());
    let hex = has_digit && token.len() >= 4 && token.bytes().all(|b| b.is_ascii_hexdigit());
    if hex || is_uuid(token) || token.starts_with("0x") {
        return None;
    }
    let word = match has_digit {
        false => Cow::Borrowed(token),
        true => {
            let word: String = token.chars().filter(|c| !c.is_ascii_digit()).collect();
            Cow::Owned(trimmed(&word).to_owned())
        }
    };
    let letters = match word.is_ascii() {
        true => word.bytes().filter(u8::is_ascii_alphabetic).count(),
        false => word.chars().filter(|c| c.is_alphabetic()).count(),
    };
    (letters >= 2).then_some(word)
}

/// Without `.`, `_` and `-` at its ends.
fn trimmed(token: &str) -> &str {
    let is_inside = |byte: &u8| !matches!(byte, b'.' | b'_' | b'-');
    let from = token.bytes().position(|byte| is_inside(&byte)).unwrap_or(token.len());
    let to = token.bytes().rposition(|byte| is_inside(&byte)).map_or(from, |last| last + 1);
    &token[from..to]
}

/// A text without what stands between quotes or brackets that are closed. An apostrophe inside a word quotes nothing.
fn without_quoted(text: &str) -> Cow<'_, str> {
    let is_opening = |byte: u8| matches!(byte, b'"' | b'`' | b'\'' | b'[' | b'(' | b'{' | b'<');
    let Some(first) = text.bytes().position(is_opening) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Closing characters of which no more come, so that each is searched to the end once at most.
    let mut absent: Vec<char> = Vec::new();
    let mut before = ' ';
    let mut next = Some(first);
    while let Some(at) = next {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        before = plain.chars().next_back().unwrap_or(before);
        let after = &from[1..];
        let opening = char::from(from.as_bytes()[0]);
        let closing = match opening {
            '\'' if before.is_alphanumeric() => None,
            '[' => Some(']'),
            '(' => Some(')'),
            '{' => Some('}'),
            '<' => Some('>'),
            quote => Some(quote),
        };
        before = opening;
        rest = after;
        match closing.filter(|closing| !absent.contains(closing)) {
            None => out.push(opening),
            Some(closing) => {
                out.push(' ');
                match after.find(closing) {
                    Some(end) => rest = &after[end + 1..],
                    None => absent.push(closing),
                }
            }
        }
        next = rest.bytes().position(is_opening);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("aéé", 2), "a");
        assert_eq!(cut("aéé", 3), "aé");
        assert_eq!(cut("aéé", 9), "aéé");
    }

    #[test]
    fn ids_in_names_become_placeholders() {
        for (name, want) in [
            ("GET /items/42", "GET /items/{id}"),
            ("GET /api/v2/items", "GET /api/v2/items"),
            ("GET /users/3f2504e0-4f89-11d3-9a0c-0305e82c3301/orders/7", "GET /users/{id}/orders/{id}"),
            ("blob deadbeefcafe", "blob {id}"),
            ("process_order_12345", "process_order_{id}"),
            ("decade", "decade"),
            ("sha256 check", "sha256 check"),
            ("42", "{id}"),
            ("", ""),
            ("größe 12 é", "größe {id} é"),
            ("3f2504e0-4f89-11d3-9a0c-0305e82c3301x", "{id}-4f89-11d3-9a0c-0305e82c3301x"),
        ] {
            assert_eq!(without_ids(name), want, "{name}");
        }
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        assert!(without_ids(&"é".repeat(10_000)).len() <= NAME);
        assert!(without_ids(&"1/".repeat(10_000)).len() <= NAME);
    }

    #[test]
    fn messages_that_differ_in_values_have_one_pattern() {
        for (message, want) in [
            ("connection to 10.0.3.17:5432 refused", "connection to refused"),
            ("user 'bob' not found (id=42)", "user not found"),
            ("can't open [file] \"a b\" now", "can open now"),
            ("order 3f2504e0-4f89-11d3-9a0c-0305e82c3301 failed with 0xdeadbeef", "order failed with"),
            ("timeout after 1500ms in db.query-plan", "timeout after ms in db.query-plan"),
            ("unclosed (bracket and \"quote", "unclosed bracket and quote"),
            ("12 34 5", ""),
            ("", ""),
        ] {
            assert_eq!(of_message(message), want, "{message}");
        }
    }

    #[test]
    fn hostile_messages_take_linear_time_and_little_room() {
        assert_eq!(of_message(&"(".repeat(1 << 20)), "");
        assert!(of_message(&"ab ".repeat(1 << 20)).len() <= NAME);
    }

    /// The same, a character at a time.
    fn naive(message: &str) -> String {
        let mut bare = String::new();
        let (mut rest, mut absent, mut before) = (cut(message, 1_024), String::new(), ' ');
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            let closing = match c {
                '\'' if before.is_alphanumeric() => None,
                '"' | '`' | '\'' => Some(c),
                _ => "[](){}<>".find(c).filter(|at| at % 2 == 0).map(|at| char::from(b"[](){}<>"[at + 1])),
            };
            (before, rest) = (c, after);
            match closing.filter(|closing| !absent.contains(*closing)) {
                None => bare.push(c),
                Some(closing) => {
                    bare.push(' ');
                    match after.split_once(closing) {
                        Some((_, later)) => rest = later,
                        None => absent.push(closing),
                    }
                }
            }
        }
        let mut out = String::new();
        for token in bare.split(|c: char| !(c.is_alphanumeric() || "._-".contains(c))) {
            let token = token.trim_matches(['.', '_', '-']);
            let is_hex = token.len() >= 4
                && token.bytes().all(|b| b.is_ascii_hexdigit())
                && token.bytes().any(|b| b.is_ascii_digit());
            let word: String = token.chars().filter(|c| !c.is_ascii_digit()).collect();
            let word = word.trim_matches(['.', '_', '-']);
            let is_id = is_uuid(token) || is_hex || token.starts_with("0x");
            if is_id || word.chars().filter(|c| c.is_alphabetic()).count() < 2 {
                continue;
            }
            if out.len() + word.len() + 1 > NAME {
                break;
            }
            out += if out.is_empty() { "" } else { " " };
            out += word;
        }
        out
    }

    #[test]
    fn patterns_equal_those_of_a_naive_model() {
        const PARTS: [&str; 30] = [
            "user",
            "it's",
            "'",
            "\"",
            "`",
            "[",
            "]",
            "(",
            ")",
            "{",
            "}",
            "<",
            ">",
            " ",
            " ",
            " ",
            "-",
            "_",
            ".",
            "0x1f",
            "dead1",
            "beef",
            "42",
            "a1",
            "größe",
            "é",
            "\u{2028}",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "x.y-z",
            "٣",
        ];
        let mut seed = 7_u64;
        for _ in 0..20_000 {
            let mut message = String::new();
            loop {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                match (seed >> 33) as usize % (PARTS.len() + 2) {
                    part if part < PARTS.len() => message += PARTS[part],
                    _ => break,
                }
            }
            assert_eq!(of_message(&message), naive(&message), "{message}");
        }
    }
}
