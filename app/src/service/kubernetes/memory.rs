//! Memory of the pods against their limit, and where it goes if it leaks.

use leptos::prelude::*;
use model::{MemoryChart, bytes_text, short_age_text};

use crate::charts::frame::{Plot, chart};
use crate::service::metrics::leaks::{ahead, band};
use crate::service::metrics::plot::{Colours, of_golden};

/// The chart; nothing where memory is not measured. `service` is where the pages of the service are.
pub(super) fn memory(found: Option<&MemoryChart>, service: &str) -> Option<AnyView> {
    let found = found?;
    let one = &found.chart;
    let colours = Colours::of([(&one.query, &one.answer)]);
    let mut plot = of_golden(one, &colours, found.window, &found.marks, &format!("{service}/deploys?deploy="));
    if let Some(pod) = found.leak.as_ref().and_then(|leak| leak.pods.first()) {
        let end = pod.eta.map(|eta| format!(": limit in {}", short_age_text(eta.likely))).unwrap_or_default();
        (plot.headline, plot.tone) = (format!("+{}/h{end}", bytes_text(pod.rate)), "warn");
        plot.lines.extend(ahead(&found.forecast, pod.eta));
        plot.band = band(&found.forecast);
    }
    Some(chart(Plot { testid: "chart-memory", ..plot }))
}
