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
    let mut out = String::new();
    for token in bare.split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
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

/// A token without digits, if it is a word and no id.
fn word_of(token: &str) -> Option<String> {
    let token = token.trim_matches(['.', '_', '-']);
    let hex =
        token.len() >= 4 && token.bytes().all(|b| b.is_ascii_hexdigit()) && token.bytes().any(|b| b.is_ascii_digit());
    if is_uuid(token) || hex || token.starts_with("0x") {
        return None;
    }
    let word: String = token.chars().filter(|c| !c.is_ascii_digit()).collect();
    let word = word.trim_matches(['.', '_', '-']);
    (word.chars().filter(|c| c.is_alphabetic()).count() >= 2).then(|| word.to_owned())
}

/// A text without what stands between quotes or brackets that are closed. An apostrophe inside a word quotes nothing.
fn without_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Closing characters of which no more come, so that each is searched to the end once at most.
    let mut absent: Vec<char> = Vec::new();
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let closing = match c {
            '"' | '`' => Some(c),
            '\'' if !before.is_alphanumeric() => Some(c),
            '[' => Some(']'),
            '(' => Some(')'),
            '{' => Some('}'),
            '<' => Some('>'),
            _ => None,
        };
        before = c;
        rest = after;
        let Some(closing) = closing.filter(|closing| !absent.contains(closing)) else {
            out.push(c);
            continue;
        };
        if let Some(end) = after.find(closing) {
            out.push(' ');
            rest = &after[end + closing.len_utf8()..];
        } else {
            absent.push(closing);
            out.push(' ');
        }
    }
    out
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
}
