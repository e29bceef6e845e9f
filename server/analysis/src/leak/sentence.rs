//! What is said of a leak.

use model::{Leak, LeakOf, LimitOf, Sentence, bytes_text, short_age_text};

/// Who climbs, how fast, when it ends, and how it was before.
pub fn leak_sentence(leak: &Leak) -> Sentence {
    let Some(first) = leak.pods.first() else { return Sentence::default() };
    let what = match &leak.of {
        LeakOf::Memory { .. } => "Memory".to_owned(),
        LeakOf::Volume { volume } => format!("Volume {volume}"),
    };
    let several = leak.pods.len() > 1;
    let who = if several { format!("{} pods", leak.pods.len()) } else { first.name.clone() };
    let verb = match (&leak.of, several) {
        (LeakOf::Memory { .. }, false) => " grows ",
        (LeakOf::Memory { .. }, true) => " grows by up to ",
        (LeakOf::Volume { .. }, false) => " fills by ",
        (LeakOf::Volume { .. }, true) => " fills by up to ",
    };
    let rate = format!("{} an hour", bytes_text(first.rate));
    let sentence = Sentence::plain(format!("{what} of ")).strong(who).text(verb).strong(rate);
    let end = match (first.limit_of, several) {
        (LimitOf::Node, _) => ", no limit: the memory of its node is used up in ",
        (_, true) => ": the first reaches its limit in ",
        (_, false) => ": limit reached in ",
    };
    let sentence = match first.eta {
        Some(eta) => sentence.text(end).strong(short_age_text(eta.likely)),
        None => sentence.text(format!(", {} now, no limit", bytes_text(first.level))),
    };
    match (&leak.before, &leak.before_name) {
        (Some(_), Some(name)) if leak.is_old() => sentence.text(format!("; {name} did so too")),
        (Some(_), Some(name)) => sentence.text(format!("; {name} did not")),
        _ => sentence,
    }
}
