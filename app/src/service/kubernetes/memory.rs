//! Memory of the pods against their limit, and where it goes if it leaks.

use leptos::prelude::*;
use model::MemoryChart;

use crate::charts::frame::{Plot, chart};
use crate::charts::hover::Hover;
use crate::charts::scale::Along;
use crate::service::metrics::leaks::{ahead, band};
use crate::service::metrics::plot::{Colours, of_golden};

/// The chart; nothing where memory is not measured. `service` is where the pages of the service are, `pointer` that of
/// the chart where it goes on beyond the page's range.
pub(super) fn memory(found: Option<&MemoryChart>, service: &str, pointer: Hover) -> Option<AnyView> {
    let found = found?;
    let one = &found.chart;
    let colours = Colours::of([(&one.query, &one.answer)]);
    let mut plot = of_golden(one, &colours, found.window, &found.marks, &format!("{service}/deploys?deploy="));
    if let Some(pod) = found.leak.as_ref().and_then(|leak| leak.pods.first()) {
        (plot.headline, plot.tone) = (pod.headline(), "warn");
        plot.lines.extend(ahead(&found.forecast, pod.eta));
        plot.band = band(&found.forecast);
        if !found.forecast.is_empty() {
            // It reaches further than the page's range, and has a pointer of its own.
            provide_context(pointer);
            plot.along = Along::Beyond;
            plot.subtitle = format!("by pod, and where {} goes", pod.name);
        }
    }
    Some(chart(Plot { testid: "chart-memory", ..plot }))
}
