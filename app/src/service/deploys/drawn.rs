//! What a verdict is about over time, a line for each of the two revisions, with the deploy's flag between them.

use leptos::prelude::*;
use model::{EvidenceChart, Marks, Series, Signal};

use crate::charts::frame::{Plot, chart};
use crate::charts::path::Line;
use crate::charts::scale::{Along, Unit};
use crate::service::overview::colour;
use crate::ui::number;

/// The chart beside the evidence; `deploys` is the address of a deploy up to its sequence.
pub(super) fn drawn(evidence: &EvidenceChart, deploys: String) -> AnyView {
    let (title, unit) = match evidence.signal {
        Signal::Latency => ("Latency by revision", Unit::Duration),
        _ => ("Errors by revision", Unit::Share),
    };
    let of = evidence.endpoint.clone().unwrap_or_else(|| "all endpoints".to_owned());
    let newest = evidence.lines.last().and_then(|(series, _)| series.points.iter().rev().flatten().next().copied());
    chart(Plot {
        testid: "chart-evidence",
        title: title.to_owned(),
        subtitle: if unit == Unit::Duration { format!("p95 · {of}") } else { of },
        headline: number::or_none(newest, |value| unit.text(value)),
        tone: "",
        unit,
        window: evidence.window,
        along: Along::Clock,
        lines: lines(&evidence.lines),
        stacked: false,
        empty: "No requests measured",
        marks: Marks { deploys: vec![evidence.mark.clone()], events: Vec::new() },
        deploys,
    })
}

/// In the colours that the overview gives them; where both have the same, the new one takes the next.
fn lines(all: &[(Series, Option<u32>)]) -> Vec<Line> {
    let first = all.first().map(|(_, place)| colour(*place));
    let line = |(at, (series, place)): (usize, &(Series, Option<u32>))| {
        let class = match colour(*place) {
            same if at > 0 && Some(same) == first => colour(place.map(|place| place + 1)),
            own => own,
        };
        Line { class, series: series.clone(), area: false }
    };
    all.iter().enumerate().map(line).collect()
}
