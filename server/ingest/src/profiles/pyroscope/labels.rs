//! What labels and names of Pyroscope say: whose a profile is, by the words of OpenTelemetry, and what is sampled.

use std::collections::HashMap;

use model::Value;

use super::Sent;
use crate::owner::Owners;
use crate::profiles::{Sink, Taking};

/// Labels that have another name as an attribute of a resource.
const NAMED: [(&str, &str); 14] = [
    ("container", "k8s.container.name"),
    ("container_id", "container.id"),
    ("container_name", "k8s.container.name"),
    ("host", "host.name"),
    ("hostname", "host.name"),
    ("instance", "service.instance.id"),
    ("namespace", "k8s.namespace.name"),
    ("node", "k8s.node.name"),
    ("pod", "k8s.pod.name"),
    ("pod_name", "k8s.pod.name"),
    ("service", "service.name"),
    ("service_instance_id", "service.instance.id"),
    ("service_name", "service.name"),
    ("version", "service.version"),
];

/// Attributes that say whose a profile is. Others may change with every profile, and each of their values would be
/// an owner of its own.
const KEPT: [&str; 8] =
    ["cloud.", "container.", "deployment.", "host.", "k8s.", "process.runtime.", "service.", "telemetry."];

/// The owner that labels tell; where it is one too many, the report says that what follows has none.
pub(super) fn owner<'l, S: Sink>(
    labels: impl Iterator<Item = (&'l str, &'l str)>,
    owners: &mut Owners<'_>,
    taking: &mut Taking<'_, S>,
) -> u32 {
    let mut named: Vec<(String, &str)> = Vec::new();
    for (label, value) in labels.filter(|(_, value)| !value.is_empty()) {
        let key = key(label);
        // A name may be that of the namespace and of the service.
        let value = match value.rsplit_once('/').filter(|_| key == "service.name") {
            Some((namespace, name)) => {
                named.push(("service.namespace".to_owned(), namespace));
                name
            }
            None => value,
        };
        if KEPT.iter().any(|kept| key.starts_with(kept)) && named.len() < taking.limits.nested_attributes {
            named.push((key, value));
        }
    }
    let attributes = named.iter().map(|(key, value)| (key.as_str(), Value::Text((*value).to_owned()))).collect();
    let resource = owners.told(attributes, &mut taking.report.cuts);
    let number = owners.number(resource, |owner, facts| taking.sink.owner(owner, facts));
    taking.report.without_owner = number.is_none();
    number.unwrap_or_default()
}

/// What an attribute is called that a label stands for.
fn key(label: &str) -> String {
    match NAMED.iter().find(|(known, _)| *known == label) {
        Some((_, key)) => (*key).to_owned(),
        None if label.starts_with("k8s_") || label.starts_with("service_") => label.replace('_', "."),
        None => label.to_owned(),
    }
}

/// An application's name and its labels, of `name{label=value,label=value}`.
pub(super) fn of_name(text: &str) -> (&str, Vec<(&str, &str)>) {
    let Some((name, labels)) = text.split_once('{') else { return (text.trim(), Vec::new()) };
    let pairs = labels.trim_end().trim_end_matches('}').split(',').filter_map(|pair| pair.split_once('='));
    let labels = pairs.map(|(key, value)| (key.trim(), value.trim().trim_matches('"'))).collect();
    (name.trim(), labels)
}

/// What is sampled, as the last part of an application's name says it: its name, kind, unit.
const KINDS: [(&str, &str, &str); 15] = [
    ("alloc_objects", "alloc_objects", "count"),
    ("alloc_space", "alloc_space", "bytes"),
    ("block_count", "block_contentions", "count"),
    ("block_duration", "block_delay", "nanoseconds"),
    ("cpu", "cpu", "nanoseconds"),
    ("exceptions", "exceptions", "count"),
    ("goroutines", "goroutines", "count"),
    ("inuse_objects", "inuse_objects", "count"),
    ("inuse_space", "inuse_space", "bytes"),
    ("itimer", "itimer", "nanoseconds"),
    ("lock_count", "lock_count", "count"),
    ("lock_duration", "lock_time", "nanoseconds"),
    ("mutex_count", "mutex_contentions", "count"),
    ("mutex_duration", "mutex_delay", "nanoseconds"),
    ("wall", "wall", "nanoseconds"),
];

/// An application's name without what is sampled, and that.
pub(super) fn kind(name: &str) -> (&str, &str) {
    let parts = name.rsplit_once('.').filter(|(_, last)| KINDS.iter().any(|(known, ..)| known == last));
    parts.unwrap_or((name, ""))
}

/// What stands before types whose profile alone tells them apart.
pub(super) fn prefix(profile: &str) -> &'static str {
    match profile.strip_prefix("godeltaprof_").unwrap_or(profile) {
        "mutex" => "mutex_",
        "block" => "block_",
        _ => "",
    }
}

/// The same where the application's name does not say it: Go's SDK sends locks and waits alike, and what its types are
/// displayed as (`mutex_count`) in a part of the form beside (grafana/pyroscope-go, `upstream/remote`).
pub(super) fn prefix_of_types(config: &[u8]) -> &'static str {
    #[derive(serde::Deserialize)]
    struct Displayed {
        #[serde(default, rename = "display-name")]
        name: String,
    }
    let types: HashMap<String, Displayed> = serde_json::from_slice(config).unwrap_or_default();
    let kinds = types.values().filter_map(|displayed| displayed.name.split('_').next());
    kinds.map(prefix).find(|prefix| !prefix.is_empty()).unwrap_or_default()
}

/// What folded stacks count, and how much one of it is.
pub(super) fn folded_type(kind: &str, sent: &Sent<'_>) -> ((&'static str, &'static str), i64) {
    let named = |wanted: &str| KINDS.iter().find(|(known, ..)| *known == wanted).map(|(_, kind, unit)| (*kind, *unit));
    let usual = match sent.word("units") {
        "bytes" if sent.word("aggregationType") == "average" => ("inuse_space", "bytes"),
        "bytes" => ("alloc_space", "bytes"),
        "objects" if sent.word("aggregationType") == "average" => ("inuse_objects", "count"),
        "objects" => ("alloc_objects", "count"),
        "goroutines" => ("goroutines", "count"),
        "lock_samples" => ("lock_count", "count"),
        "lock_nanoseconds" => ("lock_time", "nanoseconds"),
        _ => ("cpu", "nanoseconds"),
    };
    let sample = named(kind).unwrap_or(usual);
    // Looks at a rate are as much time as lies between two of them.
    let is_looks = matches!(sent.word("units"), "" | "samples") && matches!(sample.0, "cpu" | "wall" | "itimer");
    let rate: i64 = sent.word("sampleRate").parse().ok().filter(|rate| *rate > 0).unwrap_or(100);
    (sample, if is_looks { (1_000_000_000 / rate).max(1) } else { 1 })
}
