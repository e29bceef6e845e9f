//! What a verdict is about over time, a line for each of the two revisions, with the deploy's flag between them.

use leptos::prelude::*;
use model::{EvidenceChart, Marks, Series, Signal};

use crate::charts::frame::{Plot, chart};
use crate::charts::path::Line;
use crate::charts::scale::{Along, Unit};
use crate::service::overview::{colour, colours};
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
        band: None,
        empty: "No requests measured",
        marks: Marks { deploys: vec![evidence.mark.clone()], events: Vec::new() },
        deploys,
    })
}

/// In the colours that the overview gives them.
fn lines(all: &[(Series, Option<u32>)]) -> Vec<Line> {
    let classes = match all {
        [(_, old), (_, new)] => colours([*old, *new]).to_vec(),
        _ => all.iter().map(|(_, place)| colour(*place)).collect(),
    };
    let line = |((series, _), class): (&(Series, Option<u32>), &'static str)| Line {
        class,
        series: series.clone(),
        area: false,
    };
    all.iter().zip(classes).map(line).collect()
}
