//! What went wrong over time: a track for each kind, on one axis with the deploys.

use std::collections::BTreeMap;

use leptos::prelude::*;
use model::{AdverseKind, KubernetesTab, Timestamp, Window};

use super::events;
use crate::charts::frame::{flags, time_axis};
use crate::charts::hover::{Hover, pointer_layer};
use crate::charts::scale::{Along, percent};
use crate::ui::ago::clock_text;

/// What happened of one kind, and from when to when it held.
#[derive(Default)]
struct Track {
    times: Vec<Timestamp>,
    held: Vec<(Timestamp, Timestamp)>,
    /// The first row of it in the list.
    row: String,
}

/// The tracks; nothing where nothing went wrong. `deploys` comes before the sequence in the address of a deploy's page.
pub(super) fn timeline(tab: &KubernetesTab, deploys: &str) -> Option<AnyView> {
    let window = tab.window;
    let tracks = tracks(tab);
    let crosshair = move || {
        let at = Hover::of_page().at.get()?;
        Some(view! { <i class="crosshair" style=format!("left:{:.2}%", at * 100.0)></i> })
    };
    (!tracks.is_empty()).then(|| {
        let body = tracks.iter().map(|(kind, track)| draw(*kind, track, window)).collect_view().into_any();
        view! {
            <div class="timeline" data-testid="timeline">
                <div class="tracks">
                    {pointer_layer(Some(window), body)} {flags(&tab.deploys, window, deploys)}
                    <div class="crosshairs" aria-hidden="true">
                        {crosshair}
                    </div>
                </div>
                {time_axis(window, Along::Range)}
            </div>
        }
        .into_any()
    })
}

/// By kind, in the order of the list.
fn tracks(tab: &KubernetesTab) -> Vec<(AdverseKind, Track)> {
    let mut tracks: BTreeMap<AdverseKind, Track> = BTreeMap::new();
    let mut order: Vec<(AdverseKind, Timestamp)> = Vec::new();
    for event in &tab.events {
        let track = tracks.entry(event.kind).or_insert_with(|| {
            order.push((event.kind, event.last));
            Track { row: events::key(event.kind), ..Track::default() }
        });
        track.times.extend(&event.times);
        track.held.extend(&event.held);
    }
    for node in &tab.nodes {
        let track = tracks.entry(AdverseKind::Node).or_insert_with(|| {
            order.push((AdverseKind::Node, node.last()));
            Track { row: events::anchor(&node.node), ..Track::default() }
        });
        let end = |event: &model::AdverseEvent| if event.current { tab.window.to } else { event.last };
        track.times.extend(node.events.iter().flat_map(|event| &event.times));
        track.held.extend(node.events.iter().map(|event| (event.first, end(event))));
    }
    order.sort_by_key(|(_, last)| std::cmp::Reverse(*last));
    order.into_iter().filter_map(|(kind, _)| tracks.remove(&kind).map(|track| (kind, track))).collect()
}

fn draw(kind: AdverseKind, track: &Track, window: Window) -> AnyView {
    let tone = if kind.is_severe() { "bad" } else { "warn" };
    let held = track.held.iter().filter(|(from, to)| *to > window.from && *from < window.to).map(|(from, to)| {
        let (left, right) = (percent(*from, window), percent(*to, window));
        let title = format!("{}: {} – {}", kind.word(), clock_text(*from), clock_text(*to));
        view! { <i class="held" style=format!("left:{left:.2}%;width:{:.2}%", right - left) title=title></i> }
    });
    let times = track.times.iter().filter(|at| window.contains(**at)).map(|at| {
        let title = format!("{}: {}", kind.word(), clock_text(*at));
        view! { <i class="tick" style=format!("left:{:.2}%", percent(*at, window)) title=title></i> }
    });
    view! {
        <div class=format!("track {tone}") data-testid="track">
            <a href=format!("#{}", track.row)>{kind.word()}</a>
            {held.collect_view()}
            {times.collect_view()}
        </div>
    }
    .into_any()
}
