//! What all of it comes to, in words, beside what it is compared with; and what to do where there is nothing.

use leptos::prelude::*;
use model::{BEFORE, Cost, FrameTree, ProfilePage, ProfileWords, SINCE, SampleType};

use crate::ui::number;

/// What a sum of samples of these profiles comes to, in the unit that was sampled.
pub(super) fn amount(sample: &SampleType, all: Cost, sum: i64) -> String {
    let value = all.told(sample, sum);
    match sample.unit.as_str() {
        _ if sum == 0 => "0".to_owned(),
        "nanoseconds" => time(value),
        "microseconds" => time(value * 1e3),
        "milliseconds" => time(value * 1e6),
        "bytes" => model::bytes_text(value.max(0.0)),
        // A mean of a few.
        _ if value < 10.0 && value.fract() != 0.0 => number::any(value),
        _ => number::count(value),
    }
}

/// A time that is compared with others: in seconds from one on, never in minutes beside seconds.
fn time(nanos: f64) -> String {
    match nanos / 1e9 {
        s if s < 10.0 => model::duration_text(nanos),
        s if s < 99.95 => format!("{s:.1} s"),
        s => format!("{} s", number::count(s)),
    }
}

/// The head of the graph.
pub(super) fn summary(words: &ProfileWords, page: &ProfilePage) -> AnyView {
    let Some((sample, tree)) = &page.shown else { return ().into_any() };
    let told = |cost: Cost| {
        let profiles = number::plural(cost.profiles, "profile", "profiles");
        let mean = if sample.is_snapshot() { "mean of " } else { "in " };
        format!("{}, {mean}{profiles}", amount(sample, cost, cost.value))
    };
    let name = |hash: Option<&model::RevisionHash>| {
        let found = page.revisions.iter().find(|revision| Some(&revision.hash) == hash);
        found.map(|revision| revision.name.clone())
    };
    let shown = name(page.revision.as_ref()).unwrap_or_else(|| "This time".to_owned());
    let against = match words.against.as_str() {
        BEFORE => Some("the time before".to_owned()),
        since if since.starts_with(SINCE) => Some("an earlier time".to_owned()),
        _ => name(page.against.as_ref()),
    };
    let against = against.unwrap_or_else(|| "an earlier revision".to_owned());
    let compared = tree.all_before.filter(|_| tree.is_compared()).map(|before| {
        view! {
            <p class="compared" data-testid="compared">
                <strong>{shown.clone()}</strong>
                {format!(" {} · ", told(tree.all))}
                <strong>{against.clone()}</strong>
                {format!(" {}", told(before))}
            </p>
            <p class="faint flame-key">
                <span class="key worse-3">"more"</span>
                <span class="key worse-1"></span>
                <span class="key same">"same share"</span>
                <span class="key better-1"></span>
                <span class="key better-3">"less"</span>
                "By the share of all; widths are the shares of both."
            </p>
        }
    });
    let alone = (!tree.is_compared()).then(|| {
        let cores = cores(sample, tree.all.value, page.length).map(|cores| format!(" · {cores}"));
        view! { <p class="faint" data-testid="profile-total">{format!("{}{}", told(tree.all), cores.unwrap_or_default())}</p> }
    });
    let is_asked = !words.against.is_empty() && !tree.is_compared();
    let none = is_asked.then(|| view! { <p class="notice warn">{nothing(tree, &against)}</p> });
    let covered = tree.covered_from.or(page.types.covered_from).map(|_| {
        view! { <p class="faint">"There is too much of it: the beginning of this range was not looked at."</p> }
    });
    view! {
        <div class="card-head">
            <h2>{sample.title()}</h2>
            {alone}
        </div>
        {compared}
        {none}
        {covered}
    }
    .into_any()
}

/// Why it is compared with nothing.
fn nothing(tree: &FrameTree, against: &str) -> String {
    match tree.covered_before {
        Some(_) => format!("Nothing to compare with was found: there is too much to look through all of {against}."),
        None => format!("There is nothing to compare with: no profiles of {against}."),
    }
}

/// How many cores a time over a time is.
fn cores(sample: &SampleType, value: i64, length: i64) -> Option<String> {
    let is_cpu = matches!(sample.name.as_str(), "cpu" | "itimer") && sample.unit == "nanoseconds";
    (is_cpu && length > 0).then(|| format!("{} cores on average", number::any(value as f64 / length as f64)))
}

/// Nothing in this window.
pub(super) fn empty(pod: &str) -> AnyView {
    let of_pod = (!pod.is_empty()).then(|| format!(" of {pod}"));
    view! {
        <section class="card empty" data-testid="no-profiles">
            <h2>{format!("No profiles in this range{}", of_pod.unwrap_or_default())}</h2>
            <p>
                "Send profiles to port 4318 of Binnacle with any SDK or agent of Pyroscope, for example in Python after "
                <code>"pip install pyroscope-io"</code> ":"
            </p>
            <pre>
                "import pyroscope\npyroscope.configure(application_name=\"orders\", server_address=\"http://binnacle:4318\")"
            </pre>
            <p>
                "OpenTelemetry profiles are received on port 4317 (gRPC) and 4318 (" <code>"/v1development/profiles"</code>
                "), a pprof with "
                <code>"curl --data-binary @cpu.pprof 'http://binnacle:4318/v1/profiles?service.name=orders'"</code> "."
            </p>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_unit_that_was_sampled() {
        let all = Cost { value: 0, profiles: 4 };
        let cpu = |seconds: f64| amount(&SampleType::new("cpu", "nanoseconds"), all, (seconds * 1e9) as i64);
        assert_eq!([1.5, 53.02, 135.0, 7_200.0].map(cpu), ["1.50 s", "53.0 s", "135 s", "7,200 s"]);
        assert_eq!(amount(&SampleType::new("inuse_space", "bytes"), all, 128 << 20), "32 MiB");
        assert_eq!(amount(&SampleType::new("goroutine", "count"), all, 4_936), "1,234");
        assert_eq!(amount(&SampleType::new("cpu", "nanoseconds"), all, 0), "0");
    }

    #[test]
    fn cores_are_of_cpu_time_only() {
        let (cpu, wall) = (SampleType::new("cpu", "nanoseconds"), SampleType::new("wall", "nanoseconds"));
        assert_eq!(cores(&cpu, 900, 3_600).as_deref(), Some("0.25 cores on average"));
        assert_eq!(cores(&wall, 900, 3_600), None);
    }
}
