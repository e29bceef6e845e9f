//! What searches over blocks of logs and of spans have in common: marks on rows that are taken away where a test does
//! not hold. Tests on texts that many records share are made once a text. Pure.

use super::attributes::Attributes;
use super::texts::Texts;

/// What a resource says of a key; nothing when it does not have it.
pub(crate) type OfOwner<'a> = &'a dyn Fn(u32, &str) -> Option<String>;

/// The rows that still match.
pub(super) struct Rows<'a> {
    /// By row.
    pub(super) wanted: &'a mut [bool],
    /// The texts of the block.
    pub(super) texts: &'a Texts,
    /// Owners by row.
    pub(super) owner: &'a [u32],
    /// What resources say.
    pub(super) of_owner: OfOwner<'a>,
}

impl Rows<'_> {
    /// Keeps rows for which a test holds, or (`not`) does not.
    pub(super) fn keep(&mut self, not: bool, test: impl Fn(usize) -> bool) {
        for (row, wanted) in self.wanted.iter_mut().enumerate() {
            *wanted = *wanted && test(row) != not;
        }
    }

    /// The same of a test on a column of texts.
    pub(super) fn by_text(&mut self, not: bool, column: &[u32], test: impl Fn(&str) -> bool) {
        self.by_texts(not, &[column], test);
    }

    /// The same of a test on several columns, one of which must hold.
    pub(super) fn by_texts(&mut self, not: bool, columns: &[&[u32]], test: impl Fn(&str) -> bool) {
        let mut known: Vec<Option<bool>> = vec![None; self.texts.len()];
        for (row, wanted) in self.wanted.iter_mut().enumerate().filter(|(_, wanted)| **wanted) {
            let holds = columns.iter().any(|column| {
                let number = column[row];
                *known[number as usize].get_or_insert_with(|| test(self.texts.get(number)))
            });
            *wanted = holds != not;
        }
    }

    /// The same of a test on the value of a key. A record's own attribute counts before its resource's.
    pub(super) fn by_key(&mut self, not: bool, attributes: &Attributes, key: &str, test: impl Fn(&str) -> bool) {
        let mut owners: hashbrown::HashMap<u32, bool> = hashbrown::HashMap::new();
        for (row, wanted) in self.wanted.iter_mut().enumerate().filter(|(_, wanted)| **wanted) {
            let holds = match attributes.value_of(self.texts, row, key) {
                Some(value) => test(&value.to_string()),
                None => *owners
                    .entry(self.owner[row])
                    .or_insert_with(|| (self.of_owner)(self.owner[row], key).is_some_and(|value| test(&value))),
            };
            *wanted = holds != not;
        }
    }
}

/// Whether a text holds another, without regard to the case of ASCII letters.
pub(crate) fn holds(text: &str, word: &str) -> bool {
    find(text, word).is_some()
}

fn find(text: &str, word: &str) -> Option<usize> {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let Some(first) = word.first() else { return Some(0) };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    let mut from = 0;
    while let Some(at) = memchr::memchr2(lower, upper, &text[from..]).map(|at| from + at) {
        let end = at + word.len();
        if end > text.len() {
            return None;
        }
        if text[at..end].eq_ignore_ascii_case(word) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Whether a text holds a phrase of whole words.
pub(crate) fn has_phrase(text: &str, phrase: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (begins, ends) = (is_word(phrase.chars().next()), is_word(phrase.chars().next_back()));
    let mut from = 0;
    while let Some(at) = find(&text[from..], phrase).map(|at| from + at) {
        let end = at + phrase.len();
        let before = begins && is_word(text[..at].chars().next_back());
        let after = ends && is_word(text[end..].chars().next());
        if !before && !after {
            return true;
        }
        // To the next character, which may be longer than a byte.
        from = at + text[at..].chars().next().map_or(1, char::len_utf8);
    }
    false
}
