//! The metrics that are made of what kubelets say, by the names of OpenTelemetry's semantic conventions; what these
//! do not name yet is named in their manner.

use model::MetricKind;

/// A metric.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: MetricKind,
    pub(super) unit: &'static str,
    pub(super) description: &'static str,
}

const fn counter(name: &'static str, unit: &'static str, description: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Counter, unit, description }
}

const fn gauge(name: &'static str, unit: &'static str, description: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Gauge, unit, description }
}

pub(super) const CPU_TIME: Metric = counter("container.cpu.time", "s", "Processor time consumed");
pub(super) const CPU_PERIODS: Metric =
    counter("container.cpu.periods", "{period}", "Periods in which the container wanted to run and had a limit");
pub(super) const CPU_THROTTLED: Metric =
    counter("container.cpu.throttled", "{period}", "Periods of them in which it was held at its limit");
pub(super) const POD_PERIODS: Metric =
    counter("k8s.pod.cpu.periods", "{period}", "Periods in which the pod wanted to run and had a limit as a whole");
pub(super) const POD_THROTTLED: Metric =
    counter("k8s.pod.cpu.throttled", "{period}", "Periods of them in which it was held at that limit");
pub(super) const CPU_LIMIT: Metric = gauge("k8s.container.cpu.limit", "{cpu}", "Cores that it may use");
pub(super) const WORKING_SET: Metric =
    gauge("container.memory.working_set", "By", "Memory that can't be taken back: what counts against the limit");
pub(super) const RSS: Metric = gauge("container.memory.rss", "By", "Memory without the cache of files");
pub(super) const MEMORY_LIMIT: Metric =
    gauge("k8s.container.memory.limit", "By", "Memory that it may use before it is killed");
pub(super) const DISK_IO: Metric = counter("container.disk.io", "By", "Bytes read from and written to devices");
pub(super) const FILES: Metric =
    gauge("container.filesystem.usage", "By", "Bytes that it has written beside its volumes");
pub(super) const WAITING: Metric =
    counter("container.pressure.waiting", "s", "Time in which some of its tasks waited for the resource");
pub(super) const STALLED: Metric =
    counter("container.pressure.stalled", "s", "Time in which all of its tasks waited for the resource");
pub(super) const NETWORK_IO: Metric = counter("k8s.pod.network.io", "By", "Bytes received and transmitted");
pub(super) const NETWORK_ERRORS: Metric =
    counter("k8s.pod.network.errors", "{error}", "Errors while receiving and transmitting");
pub(super) const VOLUME_AVAILABLE: Metric = gauge("k8s.volume.available", "By", "Bytes that are free on a volume");
pub(super) const VOLUME_CAPACITY: Metric = gauge("k8s.volume.capacity", "By", "Bytes that a volume holds");
