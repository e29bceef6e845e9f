//! What is said of a shortage.

use model::{SaturationOf, Sentence, Timestamp, bytes_text, short_age_text};

use super::measured::Lacking;

/// Of what was measured: what lacks how much, in how many of all pods. `lacking` is worst first.
pub(super) fn measured(of: &SaturationOf, lacking: &[Lacking<'_>], watched: usize, now: Timestamp) -> Sentence {
    let Some(worst) = lacking.first() else { return Sentence::default() };
    let several = lacking.len() > 1;
    let up_to = if several { "up to " } else { "" };
    let share = percent(worst.share);
    match of {
        SaturationOf::Cpu { .. } | SaturationOf::PodCpu => {
            let who = match of {
                SaturationOf::Cpu { container } => Sentence::plain("Container ").strong(container.clone()),
                _ => Sentence::plain("The whole pod"),
            };
            let (age, among) = (age(worst.since, now), pods(lacking, watched));
            who.text(format!(" was throttled {up_to}"))
                .strong(share)
                .text(format!(" of the last {age}{among}: it is held at its CPU limit"))
        }
        SaturationOf::Memory { container } => {
            let limit = worst.whole.map(|whole| format!(" of {}", bytes_text(whole))).unwrap_or_default();
            Sentence::plain("Container ")
                .strong(container.clone())
                .text(format!(" is at {up_to}"))
                .strong(share)
                .text(format!(" of its memory limit{limit}{}", pods(lacking, watched)))
        }
        SaturationOf::PodMemory => {
            let limit = worst.whole.map(|whole| format!(" of {}", bytes_text(whole))).unwrap_or_default();
            Sentence::plain("Containers together are at ")
                .text(up_to)
                .strong(share)
                .text(format!(" of their pod's memory limit{limit}{}", pods(lacking, watched)))
        }
        SaturationOf::Volume { volume } => {
            let sentence = Sentence::plain("Volume ").strong(volume.clone());
            let sentence = if several { sentence } else { sentence.text(" of ").strong(worst.pod.to_owned()) };
            let sentence = sentence.text(format!(" is {up_to}")).strong(format!("{share} full"));
            let among = if several { pods(lacking, watched) } else { String::new() };
            match (worst.full_in, worst.whole) {
                (Some(left), _) => sentence
                    .text(format!("{among}, and "))
                    .strong("full")
                    .text(" in ")
                    .strong(short_age_text(left))
                    .text(" at this rate"),
                (None, Some(whole)) => {
                    sentence.text(format!("{among}: {} left", bytes_text(whole * (1.0 - worst.share))))
                }
                (None, None) => sentence.text(among),
            }
        }
        SaturationOf::Autoscaler | SaturationOf::Quota => Sentence::default(),
    }
}

/// ` in 1 of 3 pods`, where there are several.
fn pods(lacking: &[Lacking<'_>], watched: usize) -> String {
    match (lacking.len(), watched) {
        (_, 0 | 1) => String::new(),
        (some, all) if some == all => format!(" in all {all} pods"),
        (some, all) => format!(" in {some} of {all} pods"),
    }
}

/// In whole per cent, rounded down: what is not full is never called 100 %.
fn percent(share: f64) -> String {
    format!("{:.0} %", (share * 100.0 + 1e-9).floor())
}

fn age(since: Timestamp, now: Timestamp) -> String {
    short_age_text(now.since(since))
}

/// The first sentence of a message, for how long.
pub(super) fn told(message: &str, since: Timestamp, now: Timestamp) -> Sentence {
    let first = message.split_once(". ").map_or(message, |(first, _)| first);
    Sentence::plain(format!("{}, for {}", first.trim_end_matches('.'), age(since, now)))
}
