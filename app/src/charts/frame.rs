//! A chart with everything around its geometry: head, axes, deploy flags, event marks, crosshair, legend. All text.

use leptos::prelude::*;
use model::{DeployMark, EventMark, Marks, Series, Timestamp, Window, Zone, age_text};

use super::hover::{Hover, pointer_layer};
use super::path::{self, Line, value_at, value_in};
use super::scale::{self, Along, Axis, Unit, percent};
use crate::session::Clock;
use crate::ui::ago::clock_text;
use crate::ui::badge::verdict_tone;

/// What a chart shows.
#[derive(Clone, PartialEq)]
pub(crate) struct Plot {
    pub(crate) testid: &'static str,
    pub(crate) title: String,
    pub(crate) subtitle: String,
    /// The one number, and its tone.
    pub(crate) headline: String,
    pub(crate) tone: &'static str,
    pub(crate) unit: Unit,
    pub(crate) window: Window,
    /// What the window is.
    pub(crate) along: Along,
    pub(crate) lines: Vec<Line>,
    /// Drawn as bars on top of each other, in the order of the lines.
    pub(crate) stacked: bool,
    /// Between which values it may lie: the upper and the lower ones, filled between.
    pub(crate) band: Option<(Series, Series)>,
    /// What stands in the place of lines where nothing was measured.
    pub(crate) empty: &'static str,
    pub(crate) marks: Marks,
    /// Where the page of a deploy is: what comes before its sequence.
    pub(crate) deploys: String,
}

/// A chart in its card.
pub(crate) fn chart(plot: Plot) -> AnyView {
    let most = path::most(&plot.lines, plot.stacked);
    let axis = scale::axis(most, plot.unit);
    let grid: Vec<f64> = axis.ticks.iter().map(|(value, _)| *value).collect();
    let geometry = match plot.stacked {
        true => path::bars(&plot.lines, plot.window, axis.top, &grid),
        false => path::chart(&plot.lines, plot.band.as_ref(), plot.window, axis.top, &grid),
    };
    let measured = plot.lines.iter().any(|line| line.series.points.iter().any(Option::is_some));
    framed(&plot, &axis, geometry, measured, ().into_any())
}

/// A drawing with everything around it; `above` lies over the layer that follows the pointer.
pub(super) fn framed(plot: &Plot, axis: &Axis, geometry: String, measured: bool, above: AnyView) -> AnyView {
    view! {
        <figure class="card chart" data-testid=plot.testid>
            <figcaption>
                <h2>{plot.title.clone()}</h2>
                <span class="faint">{plot.subtitle.clone()} {begins(plot)}</span>
                <strong class=format!("headline {}", plot.tone)>{plot.headline.clone()}</strong>
            </figcaption>
            <div class="frame">
                {labels(if measured { &axis.ticks } else { &[] }, axis.top)}
                <div class="plot">
                    <div class="geometry" inner_html=geometry></div>
                    {(!measured).then(|| view! { <p class="unmeasured">{plot.empty}</p> })}
                    {flags(&plot.marks.deploys, plot.window, &plot.deploys)}
                    {plot.marks.events.iter().map(|mark| event_mark(mark, plot.window)).collect_view()}
                    {crosshair(plot, axis.top)}
                    {pointer_layer((plot.along == Along::Range).then_some(plot.window), ().into_any())}
                    {above}
                </div>
            </div>
            {time_axis(plot.window, plot.along)}
            {legend(plot)}
        </figure>
    }
    .into_any()
}

/// Since when there are data, where a good part of the range before has none.
fn begins(plot: &Plot) -> Option<AnyView> {
    let first = path::begins(&plot.lines, plot.window).filter(|_| plot.along == Along::Range)?;
    let text = move || format!(" · no data before {}", clock_text(first));
    Some(view! { <span data-testid="begins">{text}</span> }.into_any())
}

/// Labels of the value axis.
fn labels(ticks: &[(f64, String)], top: f64) -> AnyView {
    let label = |(value, text): &(f64, String)| {
        let place = format!("bottom:{:.2}%", value / top * 100.0);
        view! { <span style=place>{text.clone()}</span> }
    };
    view! {
        <div class="labels" aria-hidden="true">
            {ticks.iter().map(label).collect_view()}
        </div>
    }
    .into_any()
}

/// Labels of the time axis, shared by charts and lanes. Narrow screens leave out every other one.
pub(crate) fn time_axis(window: Window, along: Along) -> AnyView {
    let tick = |(place, text): (f64, String)| view! { <span style=format!("left:{place:.2}%")>{text}</span> };
    let labels = match along {
        Along::Range | Along::Beyond | Along::Clock => Clock::of_page().in_zone(|zone| scale::times(window, zone, 5)),
        Along::Age => scale::ages(window, 5),
    };
    let ticks = labels.into_iter().map(tick).collect_view();
    view! {
        <div class="times" aria-hidden="true">
            {ticks}
        </div>
    }
    .into_any()
}

/// Flags of deploys; `pages` is what comes before the sequence in the address of a deploy's page. Flags that would lie on
/// each other stand in a second row; of more the older ones keep only their line.
pub(crate) fn flags(deploys: &[DeployMark], window: Window, pages: &str) -> AnyView {
    let mut ends = [-100.0_f64; 2];
    let marks = deploys.iter().map(|mark| {
        let left = percent(mark.at, window);
        let row = ends.iter().position(|end| left >= *end);
        if let Some(row) = row {
            ends[row] = left + 7.0 + mark.name.len().min(14) as f64 * 1.4;
        }
        flag(mark, left, row, pages)
    });
    marks.collect_view().into_any()
}

fn flag(mark: &DeployMark, left: f64, row: Option<usize>, deploys: &str) -> AnyView {
    let row = match row {
        Some(0) => "",
        Some(_) => " second",
        None => " bare",
    };
    let side = if left > 80.0 { " leftwards" } else { "" };
    let kind = if mark.rollback { "rollback" } else { mark.kind.word() };
    let what = mark.level.map_or_else(|| kind.to_owned(), |level| format!("{kind}, {}", level.word().to_lowercase()));
    let tone = mark.level.map_or("", verdict_tone);
    view! {
        <a
            class=format!("flag{row}{side} {tone}")
            data-level=mark.level.map(|level| level.key())
            data-testid="deploy-flag"
            data-at=mark.at.millis().to_string()
            style=format!("left:{left:.2}%")
            href=format!("{deploys}{}", mark.sequence)
            title=format!("{}: {what}", mark.name)
        >
            <span>{mark.name.clone()}</span>
        </a>
    }
    .into_any()
}

fn event_mark(mark: &EventMark, window: Window) -> AnyView {
    let severe = if mark.kind.is_severe() { " severe" } else { "" };
    view! {
        <i
            class=format!("mark{severe}")
            data-testid="event-mark"
            role="img"
            aria-label=mark.text.clone()
            title=mark.text.clone()
            style=format!("left:{:.2}%", percent(mark.at, window))
        ></i>
    }
    .into_any()
}

/// The line under the pointer, a dot on each series, and the time.
fn crosshair(plot: &Plot, top: f64) -> AnyView {
    let (hover, clock, window, along) = (Hover::of_page(), Clock::of_page(), plot.window, plot.along);
    // A dot stands on a line; a bar says where it is by itself.
    let lines = StoredValue::new(if plot.stacked { Vec::new() } else { plot.lines.clone() });
    let draw = move || {
        hover.at.get().map(|share| {
            let dots =
                lines.with_value(|lines| lines.iter().filter_map(|line| dot(line, window, share, top)).collect_view());
            let at = window.from.plus((share * window.length() as f64) as i64);
            let time = clock.in_zone(|zone| place_text(at, along, zone));
            let side = if share > 0.85 { "at leftwards" } else { "at" };
            view! {
                <i class="crosshair" style=format!("left:{:.2}%", share * 100.0)>
                    <span class=side>{time}</span>
                </i>
                {dots}
            }
        })
    };
    view! { <div class="crosshairs" aria-hidden="true">{draw}</div> }.into_any()
}

/// An instant, or an age, under the pointer.
fn place_text(at: Timestamp, along: Along, zone: &Zone) -> String {
    match along {
        Along::Range | Along::Beyond | Along::Clock => zone.civil(at).clock_seconds(),
        Along::Age => age_text(at.0),
    }
}

fn dot(line: &Line, window: Window, share: f64, top: f64) -> Option<AnyView> {
    let (middle, value) = value_at(&line.series, window, share)?;
    let bottom = (value? / top).clamp(0.0, 1.0) * 100.0;
    let place = format!("left:{:.2}%;bottom:{bottom:.2}%", middle.clamp(0.0, 1.0) * 100.0);
    Some(view! { <i class=format!("hit {}", line.class) style=place></i> }.into_any())
}

/// Style classes of lines of what has not been yet.
const AHEAD: [&str; 3] = ["forecast", "soonest", "latest"];
/// Those of lines of what is asked for or may be.
const ASKED: [&str; 2] = ["request", "limit"];

/// When the bucket began whose values the legend tells: the newest of a range. Revisions that are laid beside each
/// other by age or clock each have a last value of their own.
fn told(plot: &Plot) -> Option<Timestamp> {
    let measured = plot.lines.iter().filter(|line| !ASKED.contains(&line.class) && !AHEAD.contains(&line.class));
    path::newest(measured).filter(|_| matches!(plot.along, Along::Range | Along::Beyond))
}

/// Names of the lines with their value under the pointer, else their newest one, which what has ended does not have: of
/// what is ahead that is no value.
fn legend(plot: &Plot) -> AnyView {
    let (hover, window, unit, told) = (Hover::of_page(), plot.window, plot.unit, told(plot));
    let entry = |line: &Line| {
        let (name, class) = (line.series.name.clone(), line.class);
        let series = StoredValue::new(line.series.clone());
        let value = move || {
            let found = series.with_value(|series| match hover.at.get() {
                Some(share) => value_at(series, window, share).and_then(|(_, value)| value),
                None => match told.filter(|_| !ASKED.contains(&class)) {
                    Some(newest) => value_in(series, newest),
                    None => series.points.iter().rev().flatten().next().copied(),
                },
            });
            match found {
                _ if AHEAD.contains(&class) && hover.at.get().is_none() => String::new(),
                found => crate::ui::number::or_none(found, |value| unit.text(value)),
            }
        };
        view! {
            <li class=class>
                <i class="swatch"></i>
                <span>{name}</span>
                <span class="value">{value}</span>
            </li>
        }
    };
    view! { <ul class="legend">{plot.lines.iter().map(entry).collect_view()}</ul> }.into_any()
}
