//! Spans as points over time, by how long they took: each leads to its trace.

use leptos::prelude::*;
use model::{SpanPoint, duration_text};

use super::frame::{Plot, framed};
use super::path;
use super::scale::{Decades, percent};

/// The points in their card; `kept` is what links to other pages end in.
pub(crate) fn scatter(plot: &Plot, points: &[SpanPoint], kept: &str) -> AnyView {
    let lengths = || points.iter().map(|point| point.duration);
    let decades = Decades::of(lengths().min().unwrap_or(1_000_000), lengths().max().unwrap_or(1_000_000_000));
    let axis = decades.axis();
    let grid: Vec<f64> = axis.ticks.iter().map(|(place, _)| *place).collect();
    let geometry = path::chart(&[], None, plot.window, axis.top, &grid);
    // The failed last: they lie on the others.
    let (failed, others): (Vec<&SpanPoint>, Vec<&SpanPoint>) = points.iter().partition(|point| point.failed);
    let dot = |point: &SpanPoint| {
        let class = if point.failed { "point bad" } else { "point" };
        let place =
            format!("--x:{:.2};--y:{:.2}", percent(point.at, plot.window), 100.0 - decades.percent(point.duration));
        let title = format!("{}{}", duration_text(point.duration as f64), if point.failed { ", failed" } else { "" });
        // Not by keys: the table has them all in turn.
        view! {
            <a
                class=class
                data-testid="span-point"
                style=place
                href=format!("/traces/{}{kept}", point.trace)
                title=title
                tabindex="-1"
            ></a>
        }
    };
    let dots = others.into_iter().chain(failed).map(dot).collect_view();
    let above = view! {
        <div class="points" aria-hidden="true">
            {dots}
        </div>
    };
    framed(plot, &axis, geometry, !points.is_empty(), above.into_any())
}
