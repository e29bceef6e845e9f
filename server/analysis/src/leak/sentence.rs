//! What is said of a leak.

use model::{Leak, LeakOf, Sentence, bytes_text, short_age_text};

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
        (LeakOf::Memory { .. }, _) => " grows ",
        (LeakOf::Volume { .. }, _) => " fills by ",
    };
    let sentence = Sentence::plain(format!("{what} of "))
        .strong(who)
        .text(verb)
        .strong(format!("{} an hour", bytes_text(first.rate)))
        .text(if several { " in the fastest" } else { "" });
    let sentence = match first.eta {
        Some(eta) => sentence.text(": limit reached in ").strong(short_age_text(eta.likely)).text(if several {
            format!(" by {}", first.name)
        } else {
            String::new()
        }),
        None => sentence.text(format!(", {} now, no limit", bytes_text(first.level))),
    };
    match (&leak.before, &leak.before_name) {
        (Some(_), Some(name)) if leak.is_old() => sentence.text(format!("; {name} did so too")),
        (Some(_), Some(name)) => sentence.text(format!("; {name} did not")),
        _ => sentence,
    }
}
