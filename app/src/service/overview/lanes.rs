//! Pods as lanes under the charts: by phase, coloured by revision, on the same axis; many pods as a chart of how many
//! were in which phase.

use std::collections::BTreeSet;

use leptos::prelude::*;
use model::{Marks, PodLane, PodLanes, PodPhase, Window};

use super::plots::colour;
use crate::charts::frame::{Plot, chart, time_axis};
use crate::charts::hover::{Hover, pointer_layer};
use crate::charts::path::Line;
use crate::charts::scale::{Along, Unit, percent};
use crate::ui::number::plural;

/// The lanes in their card, or the chart.
pub(super) fn lanes(lanes: &PodLanes) -> AnyView {
    if !lanes.counts.is_empty() {
        return chart(counts(lanes));
    }
    let crosshair = move || {
        let at = Hover::of_page().at.get()?;
        Some(view! { <i class="crosshair" style=format!("left:{:.2}%", at * 100.0)></i> })
    };
    let body = if lanes.lanes.is_empty() {
        view! { <p class="unmeasured">"No pod in this range"</p> }.into_any()
    } else {
        lanes.lanes.iter().map(|lane| draw(lane, lanes.window)).collect_view().into_any()
    };
    view! {
        <section class="card pods">
            <div class="card-head">
                <h2>"Pods"</h2>
                <span class="faint">"by phase, coloured by revision"</span>
                {legend(lanes)}
            </div>
            <div class="lanes-plot" style=format!("--lanes:{}", lanes.lanes.len().max(2))>
                {pointer_layer(Some(lanes.window), body)} <div class="crosshairs" aria-hidden="true">
                    {crosshair}
                </div>
            </div>
            {time_axis(lanes.window, Along::Range)}
        </section>
    }
    .into_any()
}

/// How many pods were in which phase, the ready ones at the ground.
fn counts(lanes: &PodLanes) -> Plot {
    let order = |phase: PodPhase| (phase != PodPhase::Ready, phase);
    let mut counts: Vec<_> = lanes.counts.iter().collect();
    counts.sort_by_key(|(phase, _)| order(*phase));
    let line =
        |(phase, series): &(PodPhase, model::Series)| Line { class: tone(*phase), series: series.clone(), area: false };
    let ready = lanes.counts.iter().find(|(phase, _)| *phase == PodPhase::Ready);
    let ready = ready.and_then(|(_, series)| series.points.iter().rev().copied().flatten().next());
    Plot {
        along: Along::Range,
        testid: "chart-pods",
        title: "Pods".into(),
        subtitle: format!("by phase, of {}", plural(lanes.counted.into(), "pod", "pods")),
        headline: format!("{} ready", ready.unwrap_or(0.0)),
        tone: "",
        unit: Unit::Count,
        window: lanes.window,
        lines: counts.into_iter().map(line).collect(),
        stacked: true,
        band: None,
        empty: "No pod in this range",
        marks: Marks::default(),
        deploys: String::new(),
    }
}

fn tone(phase: PodPhase) -> &'static str {
    match phase {
        PodPhase::Ready => "s1",
        PodPhase::Pending => "s6",
        PodPhase::Starting => "quiet",
        PodPhase::NotReady | PodPhase::Failed => "bad",
        PodPhase::Terminating => "s4",
        PodPhase::Succeeded => "s3",
        PodPhase::Unknown => "s5",
    }
}

fn draw(lane: &PodLane, window: Window) -> AnyView {
    let colour = colour(lane.place);
    let revision = lane.revision.clone().unwrap_or_default();
    let stretches = lane.stretches.iter().map(|(from, to, phase)| {
        let (left, right) = (percent(*from, window), percent(*to, window));
        let class = match phase {
            PodPhase::Ready => format!("stretch {colour}"),
            // What may have been ready has the colour of that, faintly.
            PodPhase::Unknown => format!("stretch phase-unknown {colour}"),
            other => format!("stretch phase-{}", other.key()),
        };
        let place = format!("left:{left:.2}%;width:{:.2}%", (right - left).max(0.1));
        let title = format!("{} · {revision} · {}", lane.pod, phase.word());
        view! { <i class=class style=place title=title></i> }
    });
    view! {
        <div class="lane" data-testid="pod-lane" data-pod=lane.pod.clone()>
            <span class="sr">{format!("{} {revision}", lane.pod)}</span>
            {stretches.collect_view()}
        </div>
    }
    .into_any()
}

/// The revisions there are, oldest first, and each phase that is not "ready".
fn legend(lanes: &PodLanes) -> AnyView {
    let has = |wanted: &[PodPhase]| {
        lanes.lanes.iter().flat_map(|lane| &lane.stretches).any(|(_, _, phase)| wanted.contains(phase))
    };
    let entry = |class: &'static str, words: String| {
        view! {
            <li class=class>
                <i class="swatch"></i>
                <span>{words}</span>
            </li>
        }
    };
    let revisions: BTreeSet<(u32, &String)> =
        lanes.lanes.iter().filter_map(|lane| lane.place.zip(lane.revision.as_ref())).collect();
    let revisions = revisions.into_iter().map(|(place, name)| entry(colour(Some(place)), name.clone()));
    let starting = has(&[PodPhase::Pending, PodPhase::Starting]).then(|| entry("phase-starting", "starting".into()));
    let broken = has(&[PodPhase::NotReady, PodPhase::Failed]).then(|| entry("phase-not-ready", "not ready".into()));
    let ending = has(&[PodPhase::Terminating]).then(|| entry("phase-terminating", "terminating".into()));
    let unknown = has(&[PodPhase::Unknown]).then(|| entry("phase-unknown", "faint: not known".into()));
    view! { <ul class="legend end">{revisions.collect_view()} {starting} {broken} {ending} {unknown}</ul> }.into_any()
}
