//! What there is to say of a comparison before its numbers: what can't be told, and why. Pure.

use model::{Align, Compared, Comparison, age_text};

use crate::ui::number;

/// With fewer requests, errors and latency say nothing.
const FEW: f64 = 20.0;
/// One that served in less of its time than this share did not serve all along.
const ALL_ALONG: f64 = 0.9;

/// A sentence for each thing that can't be told.
pub(super) fn notes(all: &Comparison) -> Vec<String> {
    let sides = [&all.old, &all.new];
    let served = sides.into_iter().filter_map(|side| requests(side, all.by));
    let templates = sides.into_iter().filter(|side| !side.has_template);
    let templates = templates.map(|side| format!("The pod template of {} is not kept any more.", side.name));
    let later = all.old.ran.from.max(all.new.ran.from);
    let cut = all.config_from.map(|from| {
        let length = age_text(later.since(from));
        format!("ConfigMaps are compared over {length}: what was edited before is not shown.")
    });
    let short = sides.into_iter().filter_map(short);
    served.chain(short).chain(templates).chain(cut).collect()
}

/// Why the numbers of one of the two say little.
fn requests(side: &Compared, by: Align) -> Option<String> {
    let (name, total) = (&side.name, &side.total);
    match (by, total.requests) {
        (Align::Clock, _) if side.measured.length() == 0 => {
            Some(format!("{name} did not run in these hours: by age the two lie on each other."))
        }
        (Align::Age, _) if side.ran.length() == 0 => {
            Some(format!("When {name} ran is not known: no pod of it was seen."))
        }
        (_, requests) if requests <= 0.0 => Some(format!("{name} served no request in this time.")),
        (_, requests) if requests < FEW => {
            let count = number::plural(requests.round().max(1.0) as u64, "request", "requests");
            Some(format!("{name} served {count}: too few to compare errors and latency."))
        }
        _ => None,
    }
}

/// That one of the two served for a part of its time only, by which its rates are.
fn short(side: &Compared) -> Option<String> {
    let length = side.measured.length();
    let is_short = side.served > 0 && (side.served as f64) < length as f64 * ALL_ALONG;
    is_short.then(|| {
        let (served, length) = (age_text(side.served), age_text(length));
        format!("{} served for {served} of {length}: its requests per second are of that time.", side.name)
    })
}

/// Why no difference is shown.
pub(super) fn no_difference(all: &Comparison) -> &'static str {
    if all.old.has_template && all.new.has_template {
        "Their pod templates are the same, and no ConfigMap was edited between them"
    } else {
        "There is nothing to compare"
    }
}

#[cfg(test)]
mod tests {
    use model::{DAY, HOUR, MINUTE, RevisionHash, RevisionRun, Series, Step, Summary, Timestamp, Window};

    use super::*;

    fn side(name: &str, hours: i64, requests: f64) -> Compared {
        let ran = Window::new(Timestamp(0), Timestamp(hours * HOUR));
        Compared {
            hash: RevisionHash(name.into()),
            name: name.into(),
            place: 0,
            ran,
            runs: vec![RevisionRun { deploy: None, ran, is_shown: true }],
            measured: ran,
            served: ran.length(),
            total: Summary { requests, ..Summary::default() },
            has_template: true,
        }
    }

    fn comparison(old: Compared, new: Compared, by: Align) -> Comparison {
        let empty = || Series { name: String::new(), start: Timestamp(0), step: Step(HOUR), points: vec![] };
        let two = || [empty(), empty()];
        Comparison {
            axis: new.ran,
            old,
            new,
            by,
            requests: two(),
            errors: two(),
            latency: two(),
            endpoints: vec![],
            groups: vec![],
            more_groups: 0,
            diffs: vec![],
            config_from: None,
        }
    }

    #[test]
    fn what_can_be_told_needs_no_words() {
        assert!(notes(&comparison(side("v1", 1, 100.0), side("v2", 1, 20.0), Align::Age)).is_empty());
    }

    #[test]
    fn what_cant_be_told_is_said() {
        let said = |old, new, by| notes(&comparison(old, new, by)).join(" ");
        let few = said(side("v1", 1, 1.0), side("v2", 1, 0.0), Align::Age);
        assert_eq!(
            few,
            "v1 served 1 request: too few to compare errors and latency. v2 served no request in this time."
        );
        assert!(said(side("v1", 0, 0.0), side("v2", 1, 50.0), Align::Age).starts_with("When v1 ran is not known"));
        assert!(said(side("v1", 0, 0.0), side("v2", 1, 50.0), Align::Clock).starts_with("v1 did not run in these"));
        let brief = Compared { served: 7 * MINUTE, ..side("v2", 1, 50.0) };
        let brief = notes(&comparison(side("v1", 1, 50.0), brief, Align::Age));
        assert_eq!(brief, ["v2 served for 7 min of 1 h: its requests per second are of that time."]);
        let lost = Compared { has_template: false, ..side("v1", 1, 50.0) };
        let mut all = comparison(lost, side("v2", 1, 50.0), Align::Age);
        assert_eq!(notes(&all), ["The pod template of v1 is not kept any more."]);
        assert_eq!(no_difference(&all), "There is nothing to compare");
        all.new.ran.from = Timestamp(9 * DAY);
        all.config_from = Some(Timestamp(2 * DAY));
        assert_eq!(notes(&all)[1], "ConfigMaps are compared over 7 d: what was edited before is not shown.");
    }
}
