//! What kubelets say, as readings: of one thing, measured at one moment. Pure.

use std::sync::Arc;

use model::{MINUTE, PodState, SECOND, Timestamp};

use super::cadvisor::{Figure, Figures};
use super::metric::{self, Metric};
use super::pods::Pods;
use super::summary::{self, Summary};

/// A thing that is measured on its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Source {
    /// The pod's uid.
    pub(super) pod: Arc<str>,
    /// The container's name and id; of a pod's own things empty.
    pub(super) container: String,
    pub(super) id: String,
    pub(super) thing: Thing,
}

/// What of a pod or container it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Thing {
    /// A container's processor, memory and devices.
    Container,
    /// A container's file system.
    Files,
    /// A pod's network.
    Network,
    /// A volume that was claimed: its name and the claim's.
    Volume(String, String),
}

impl Thing {
    /// Whether it is said with the containers; the other things are in the summary.
    pub(super) fn is_container(&self) -> bool {
        matches!(self, Self::Container)
    }
}

/// Labels, ascending by key.
pub(super) type Labels = Vec<(&'static str, String)>;

/// What was measured of a thing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) source: Source,
    pub(super) pod: Arc<PodState>,
    pub(super) at: Timestamp,
    /// Since when its totals count, where that is known.
    pub(super) start: Option<Timestamp>,
    pub(super) points: Vec<(&'static Metric, Labels, f64)>,
}

/// The moment of a measurement: the kubelet's own, but for one that says none or is ahead of us.
fn moment(said: Option<Timestamp>, now: Timestamp) -> Timestamp {
    said.filter(|at| at.0 > 0 && at.since(now) < MINUTE).unwrap_or(now)
}

fn of_millis(millis: i64) -> Timestamp {
    Timestamp(millis.saturating_mul(SECOND / 1_000))
}

/// Of containers. Of two runs of one, only the newer counts: the older is told for a while after it ended.
pub(super) fn of_containers(all: &[Figures], pods: &Pods, now: Timestamp) -> Vec<Reading> {
    let order = |figures: &Figures| (figures.get(Figure::Started).unwrap_or(0.0), figures.at);
    let is_newest = |figures: &&Figures| {
        let same = all.iter().filter(|other| {
            (&other.pod, &other.container, &other.namespace) == (&figures.pod, &figures.container, &figures.namespace)
        });
        same.into_iter().all(|other| order(other) <= order(figures))
    };
    let newest = all.iter().filter(is_newest);
    newest.filter_map(|figures| of_container(figures, pods.get(&figures.namespace, &figures.pod)?, now)).collect()
}

fn of_container(figures: &Figures, pod: &Arc<PodState>, now: Timestamp) -> Option<Reading> {
    let get = |figure| figures.get(figure);
    let mut points: Vec<(&'static Metric, Labels, f64)> = Vec::with_capacity(16);
    let mut put = |metric: &'static Metric, labels: Labels, value: Option<f64>| {
        points.extend(value.map(|value| (metric, labels, value)));
    };
    put(&metric::CPU_TIME, Vec::new(), get(Figure::Cpu));
    put(&metric::CPU_PERIODS, Vec::new(), get(Figure::Periods));
    put(&metric::CPU_THROTTLED, Vec::new(), get(Figure::Throttled));
    let cores = get(Figure::Quota).zip(get(Figure::Period)).map(|(quota, period)| quota / period);
    put(&metric::CPU_LIMIT, Vec::new(), cores.filter(|cores| *cores > 0.0 && cores.is_finite()));
    put(&metric::WORKING_SET, Vec::new(), get(Figure::WorkingSet));
    put(&metric::RSS, Vec::new(), get(Figure::Rss));
    put(&metric::MEMORY_LIMIT, Vec::new(), get(Figure::MemoryLimit).filter(|limit| *limit > 0.0));
    for (resource, waiting, stalled) in [
        ("cpu", Figure::CpuWaiting, Figure::CpuStalled),
        ("memory", Figure::MemoryWaiting, Figure::MemoryStalled),
        ("io", Figure::IoWaiting, Figure::IoStalled),
    ] {
        let labels = || vec![("resource", resource.to_owned())];
        put(&metric::WAITING, labels(), get(waiting));
        put(&metric::STALLED, labels(), get(stalled));
    }
    for device in &figures.devices {
        for (direction, bytes) in [("read", device.read), ("write", device.written)] {
            let labels = vec![("disk.io.direction", direction.to_owned()), ("system.device", device.name.clone())];
            put(&metric::DISK_IO, labels, Some(bytes).filter(|bytes| !bytes.is_nan()));
        }
    }
    let start = get(Figure::Started).filter(|seconds| *seconds > 0.0);
    (!points.is_empty()).then(|| Reading {
        source: source(pod, &figures.container, figures.id.as_deref(), Thing::Container),
        pod: pod.clone(),
        at: moment(figures.at.map(of_millis), now),
        start: start.map(|seconds| of_millis((seconds * 1_000.0) as i64)),
        points,
    })
}

/// A container's source; where its control group has no id, the id is the one that the cluster says.
fn source(pod: &PodState, container: &str, id: Option<&str>, thing: Thing) -> Source {
    let known = || pod.containers.iter().find(|known| known.name == container).and_then(|known| known.id.clone());
    Source {
        pod: pod.id.0.as_str().into(),
        container: container.to_owned(),
        id: id.map(str::to_owned).or_else(known).unwrap_or_default(),
        thing,
    }
}

/// Containers of a summary that cadvisor did not tell of.
pub(super) fn missing(summary: &Summary, told: &[Figures]) -> Vec<Figures> {
    let is_told = |pod: &summary::Pod, container: &summary::Container| {
        told.iter().any(|one| {
            one.container == container.name && one.pod == pod.named.name && one.namespace == pod.named.namespace
        })
    };
    let mut missing = Vec::new();
    for pod in &summary.pods {
        for container in pod.containers.iter().filter(|container| !is_told(pod, container)) {
            let mut figures = Figures::new(&pod.named.namespace, &pod.named.name, &container.name);
            let mut set = |figure, value: Option<f64>| {
                if let Some(value) = value {
                    figures.set(figure, value);
                }
            };
            let (cpu, memory) = (container.cpu.as_ref(), container.memory.as_ref());
            set(Figure::Cpu, cpu.and_then(|cpu| cpu.nanos).map(|nanos| nanos as f64 / SECOND as f64));
            set(Figure::WorkingSet, memory.and_then(|memory| memory.working_set_bytes).map(|bytes| bytes as f64));
            set(Figure::Rss, memory.and_then(|memory| memory.rss_bytes).map(|bytes| bytes as f64));
            set(Figure::Started, container.start_time.0.map(|at| at.0 as f64 / SECOND as f64));
            let time = cpu.and_then(|cpu| cpu.time.0).max(memory.and_then(|memory| memory.time.0));
            figures.at = time.map(Timestamp::millis);
            missing.push(figures);
        }
    }
    missing
}

/// Of what the summary says beside containers. A container's file system belongs to the run that `containers` tell of.
pub(super) fn of_summary(summary: &Summary, pods: &Pods, containers: &[Reading], now: Timestamp) -> Vec<Reading> {
    let mut readings = Vec::new();
    for said in &summary.pods {
        let Some(pod) = pods.get(&said.named.namespace, &said.named.name) else { continue };
        let read = |source, at, points| Reading { source, pod: pod.clone(), at: moment(at, now), start: None, points };
        for container in &said.containers {
            let Some((files, bytes)) = container.rootfs.as_ref().and_then(|it| Some((it, it.used_bytes?))) else {
                continue;
            };
            let same = |one: &&Reading| one.pod.id == pod.id && one.source.container == container.name;
            let id = containers.iter().find(same).map(|reading| reading.source.id.as_str());
            let source = source(pod, &container.name, id, Thing::Files);
            readings.push(read(source, files.time.0, vec![(&metric::FILES, Vec::new(), bytes as f64)]));
        }
        // A pod in its node's network has no network of its own.
        if let Some(network) = said.network.as_ref().filter(|_| !pod.host_network) {
            let points = network.interfaces().iter().flat_map(of_interface).collect();
            readings.push(read(source(pod, "", None, Thing::Network), network.time.0, points));
        }
        for volume in &said.volumes {
            let Some(claim) = &volume.claim else { continue };
            let labels = || {
                vec![("k8s.persistentvolumeclaim.name", claim.name.clone()), ("k8s.volume.name", volume.name.clone())]
            };
            let thing = Thing::Volume(volume.name.clone(), claim.name.clone());
            let sizes = [
                (&metric::VOLUME_AVAILABLE, volume.available_bytes),
                (&metric::VOLUME_CAPACITY, volume.capacity_bytes),
            ];
            let points = sizes.into_iter().filter_map(|(metric, bytes)| Some((metric, labels(), bytes? as f64)));
            readings.push(read(source(pod, "", None, thing), volume.time.0, points.collect()));
        }
    }
    readings.retain(|reading| !reading.points.is_empty());
    readings
}

fn of_interface(interface: &summary::Interface) -> Vec<(&'static Metric, Labels, f64)> {
    let each = [
        (&metric::NETWORK_IO, "receive", interface.rx_bytes),
        (&metric::NETWORK_IO, "transmit", interface.tx_bytes),
        (&metric::NETWORK_ERRORS, "receive", interface.rx_errors),
        (&metric::NETWORK_ERRORS, "transmit", interface.tx_errors),
    ];
    let labels = |direction: &str| {
        vec![("network.interface.name", interface.name.clone()), ("network.io.direction", direction.to_owned())]
    };
    each.into_iter().filter_map(|(metric, way, value)| Some((metric, labels(way), value? as f64))).collect()
}
