//! Pods as lanes under the charts: by phase, coloured by revision, on the same axis.

use leptos::prelude::*;
use model::{PodLane, PodLanes, PodPhase};

use crate::charts::frame::time_axis;
use crate::charts::hover::{Hover, pointer_layer};
use crate::charts::scale::{Along, percent};
use crate::ui::number::plural;

const COLOURS: [&str; 6] = ["s1", "s4", "s2", "s3", "s5", "s6"];

/// The lanes in their card.
pub(super) fn lanes(lanes: &PodLanes) -> AnyView {
    let crosshair = move || {
        let at = Hover::of_page().at.get()?;
        Some(view! { <i class="crosshair" style=format!("left:{:.2}%", at * 100.0)></i> })
    };
    let left_out = (lanes.left_out > 0).then(|| {
        let pods = plural(lanes.left_out.into(), "pod is", "pods are");
        view! { <p class="faint">{format!("{pods} not drawn")}</p> }
    });
    let body = if lanes.lanes.is_empty() {
        view! { <p class="unmeasured">"No pod in this range"</p> }.into_any()
    } else {
        lanes.lanes.iter().map(|lane| draw(lane, lanes)).collect_view().into_any()
    };
    view! {
        <section class="card pods">
            <div class="card-head">
                <h2>"Pods"</h2>
                <span class="faint">"by phase, coloured by revision"</span>
                {legend(lanes)}
            </div>
            <div class="lanes-plot" style=format!("--lanes:{}", lanes.lanes.len().max(2))>
                {body} <div class="crosshairs" aria-hidden="true">{crosshair}</div> {pointer_layer(Some(lanes.window))}
            </div>
            {time_axis(lanes.window, Along::Range)}
            {left_out}
        </section>
    }
    .into_any()
}

fn draw(lane: &PodLane, all: &PodLanes) -> AnyView {
    let colour = colour(lane.revision.as_deref(), &all.revisions);
    let stretches = lane.stretches.iter().map(|(from, to, phase)| {
        let (left, right) = (percent(*from, all.window), percent(*to, all.window));
        let class = match phase {
            PodPhase::Ready => format!("stretch {colour}"),
            other => format!("stretch phase-{}", other.key()),
        };
        view! {
            <i class=class style=format!("left:{left:.2}%;width:{:.2}%", (right - left).max(0.1)) title=phase.word()></i>
        }
    });
    let revision = lane.revision.clone().unwrap_or_default();
    view! {
        <div class="lane" data-testid="pod-lane" data-pod=lane.pod.clone() title=format!("{} {revision}", lane.pod)>
            <span class="sr">{format!("{} {revision}", lane.pod)}</span>
            {stretches.collect_view()}
        </div>
    }
    .into_any()
}

fn colour(revision: Option<&str>, revisions: &[String]) -> &'static str {
    let place = revision.and_then(|name| revisions.iter().position(|known| known == name));
    place.map_or("quiet", |place| COLOURS[place % COLOURS.len()])
}

/// The revisions there are, and the phases that are not "ready".
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
    let revisions = lanes.revisions.iter().map(|name| entry(colour(Some(name), &lanes.revisions), name.clone()));
    let starting = has(&[PodPhase::Pending, PodPhase::Starting]).then(|| entry("phase-starting", "starting".into()));
    let broken = has(&[PodPhase::NotReady, PodPhase::Failed]).then(|| entry("phase-not-ready", "not ready".into()));
    view! { <ul class="legend end">{revisions.collect_view()} {starting} {broken}</ul> }.into_any()
}
