//! `/metrics`: Binnacle's own state in the Prometheus text format 0.0.4.

use std::fmt::Write;

use model::{ClusterStatus, Connection, IngestStatus, StatusPage, StoreStatus, WatcherStatus};

/// Renders the status as metrics.
pub(crate) fn text(status: &StatusPage) -> String {
    let mut out = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, samples: &[(String, f64)]| {
        // Writing to a string does not fail.
        let _ = writeln!(out, "# HELP binnacle_{name} {help}\n# TYPE binnacle_{name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(out, "binnacle_{name}{labels} {value}");
        }
    };
    ingest(&status.ingest, &mut metric);
    store(&status.store, &mut metric);
    let connected = status.clusters.iter().map(|cluster| {
        let up = f64::from(u8::from(cluster.connection == Connection::Connected));
        (format!("{{cluster=\"{}\"}}", escape(&cluster.name)), up)
    });
    metric("cluster_connected", "gauge", "Whether a cluster's watchers follow it.", &connected.collect::<Vec<_>>());
    watchers(&status.clusters, &mut metric);
    out
}

type Sink<'a> = &'a mut dyn FnMut(&str, &str, &str, &[(String, f64)]);

fn plain(value: u64) -> [(String, f64); 1] {
    [(String::new(), value as f64)]
}

fn watchers(clusters: &[ClusterStatus], metric: Sink<'_>) {
    let each = |value: fn(&WatcherStatus) -> u64| -> Vec<(String, f64)> {
        let all = clusters.iter().flat_map(|cluster| cluster.watchers.iter().map(move |watcher| (cluster, watcher)));
        let sample = |(cluster, watcher): (&ClusterStatus, &WatcherStatus)| {
            let labels = format!(
                "{{cluster=\"{}\",resource=\"{}\",namespace=\"{}\"}}",
                escape(&cluster.name),
                escape(&watcher.resource),
                escape(watcher.namespace.as_deref().unwrap_or_default())
            );
            (labels, value(watcher) as f64)
        };
        all.map(sample).collect()
    };
    metric("watched_objects", "gauge", "Objects that a watcher holds.", &each(|watcher| watcher.objects));
    metric("watch_lists_total", "counter", "Lists that a watcher made.", &each(|watcher| watcher.lists));
}

fn ingest(status: &IngestStatus, metric: Sink<'_>) {
    metric("ingest_requests_total", "counter", "Export requests taken in.", &plain(status.requests));
    metric("ingest_spans_total", "counter", "Spans stored.", &plain(status.spans));
    metric("ingest_bytes_total", "counter", "Bytes received, after decompression.", &plain(status.bytes));
    metric("ingest_duplicates_total", "counter", "Identical retries dropped.", &plain(status.duplicates));
    let mut reasons = std::collections::BTreeMap::<&str, u64>::new();
    for rejection in &status.rejected {
        *reasons.entry(&rejection.reason).or_default() += rejection.count;
    }
    let rejected = reasons.into_iter().map(|(reason, n)| (format!("{{reason=\"{}\"}}", escape(reason)), n as f64));
    metric("ingest_rejected_total", "counter", "Export requests turned away.", &rejected.collect::<Vec<_>>());
}

fn store(status: &StoreStatus, metric: Sink<'_>) {
    let families = [("raw", status.raw.bytes), ("summaries", status.summaries.bytes), ("meta", status.meta_bytes)];
    let bytes = families.map(|(family, bytes)| (format!("{{family=\"{family}\"}}"), bytes as f64));
    metric("store_bytes", "gauge", "Bytes on disk.", &bytes);
    metric("store_partitions", "gauge", "Raw partitions.", &plain(u64::from(status.partitions)));
    metric("store_spans", "gauge", "Spans in them.", &plain(status.spans));
    metric("store_failing", "gauge", "Whether the writer fails.", &plain(u64::from(status.failing.is_some())));
    let short = |what: &Option<String>| plain(u64::from(what.is_some()));
    metric("store_disk_short", "gauge", "Whether the disk is nearly full.", &short(&status.disk_short));
    metric("memory_short", "gauge", "Whether memory is nearly used up.", &short(&status.memory_short));
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    #[test]
    fn labels_are_escaped_and_every_sample_has_a_type() {
        let status = StatusPage {
            version: "0".into(),
            started: Timestamp(0),
            clusters: vec![ClusterStatus {
                id: "c".into(),
                name: "a\"b\\c\nd".into(),
                connection: Connection::Connected,
                heard: None,
                watchers: vec![],
                kubelets: model::KubeletStatus::default(),
                logs: model::LogCoverage::default(),
            }],
            ingest: IngestStatus { spans: 7, ..Default::default() },
            unattributed: vec![],
            store: StoreStatus::default(),
            receivers: vec![],
        };
        let text = text(&status);
        assert!(text.contains(r#"binnacle_cluster_connected{cluster="a\"b\\c\nd"} 1"#), "{text}");
        assert!(text.contains("# TYPE binnacle_ingest_spans_total counter\nbinnacle_ingest_spans_total 7\n"), "{text}");
    }
}
