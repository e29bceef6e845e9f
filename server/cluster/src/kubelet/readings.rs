//! What kubelets say, as readings: of one thing, measured at one moment. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use model::{MINUTE, PodState, SECOND, Text, Timestamp};

use super::cadvisor::{Figure, Figures, MANY};
use super::metric::{self, Metric};
use super::pods::Pods;
use super::summary::{self, Summary};

/// A thing that is measured on its own. Hundreds of a node are remembered: its strings are the pod's own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    pub(super) pod: Arc<PodState>,
    /// The container's name and id; of a pod's own things empty.
    pub(super) container: Text,
    pub(super) id: Text,
    pub(super) thing: Thing,
}

impl Source {
    /// What tells it apart from others, however the pod stands.
    pub(super) fn key(&self) -> (&str, &str, &str, &Thing) {
        (&self.pod.id.0, &self.container, &self.id, &self.thing)
    }
}

/// What of a pod or container it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    /// A container's processor, memory and devices.
    Container,
    /// A pod's processor as a whole.
    Pod,
    /// A container's file system.
    Files,
    /// A pod's network.
    Network,
    /// A volume that was claimed: its name and the claim's.
    Volume(Box<(String, String)>),
}

impl Thing {
    /// Whether it is said with the containers; the other things are in the summary.
    pub(super) fn is_container(&self) -> bool {
        matches!(self, Self::Container | Self::Pod)
    }
}

/// Labels, ascending by key.
pub(super) type Labels = Vec<(&'static str, String)>;

/// What was measured of a thing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) source: Source,
    pub(super) at: Timestamp,
    /// Since when its totals count, where that is known.
    pub(super) start: Option<Timestamp>,
    pub(super) points: Points,
}

/// Values of metrics.
pub(super) type Points = Vec<(&'static Metric, Labels, f64)>;

/// The moment of a measurement: the kubelet's own, but for one that says none or is ahead of us.
fn moment(said: Option<Timestamp>, now: Timestamp) -> Timestamp {
    said.filter(|at| at.0 > 0 && at.since(now) < MINUTE).unwrap_or(now)
}

fn of_millis(millis: i64) -> Timestamp {
    Timestamp(millis.saturating_mul(SECOND / 1_000))
}

/// Of containers, and of pods as a whole. Of two runs of one, only the newer counts: the older is told for a while after it ended.
pub(super) fn of_containers(all: &[Figures], pods: &Pods, now: Timestamp) -> Vec<Reading> {
    let order = |figures: &Figures| (figures.get(Figure::Started).unwrap_or(0.0), figures.at);
    let mut newest: HashMap<(&str, &str, &str), &Figures> = HashMap::new();
    for figures in all {
        let known = newest.entry((&figures.namespace, &figures.pod, &figures.container)).or_insert(figures);
        if order(figures) > order(known) {
            *known = figures;
        }
    }
    let is_newest = |figures: &&Figures| {
        let same = newest.get(&(&*figures.namespace, &*figures.pod, &*figures.container));
        same.is_some_and(|newest| std::ptr::eq(*newest, *figures))
    };
    let of = |figures: &Figures| {
        let pod = pods.get(&figures.namespace, &figures.pod)?;
        let (thing, points) = if figures.container.is_empty() {
            (Thing::Pod, points_of_pod(figures))
        } else {
            (Thing::Container, points_of_container(figures))
        };
        (!points.is_empty()).then(|| reading(figures, pod, thing, points, now))
    };
    all.iter().filter(is_newest).filter_map(of).collect()
}

fn reading(figures: &Figures, pod: &Arc<PodState>, thing: Thing, points: Points, now: Timestamp) -> Reading {
    let start = figures.get(Figure::Started).filter(|seconds| *seconds > 0.0);
    Reading {
        source: source(pod, &figures.container, figures.id.as_deref(), thing),
        at: moment(figures.at.map(of_millis), now),
        start: start.map(|seconds| of_millis((seconds * 1_000.0) as i64)),
        points,
    }
}

fn points_of_pod(figures: &Figures) -> Points {
    let all = [(&metric::POD_PERIODS, Figure::Periods), (&metric::POD_THROTTLED, Figure::Throttled)];
    all.into_iter().filter_map(|(metric, figure)| Some((metric, Vec::new(), figures.get(figure)?))).collect()
}

fn points_of_container(figures: &Figures) -> Points {
    let get = |figure| figures.get(figure);
    let mut points: Points = Vec::with_capacity(16);
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
    points
}

/// A container's source; where its control group has no id, the id is the one that the cluster says.
fn source(pod: &Arc<PodState>, container: &str, id: Option<&str>, thing: Thing) -> Source {
    let known = pod.containers.iter().find(|known| known.name == container);
    let known_id = known.and_then(|known| known.id.as_ref());
    Source {
        pod: pod.clone(),
        container: known.map_or_else(|| container.into(), |known| known.name.clone()),
        id: match (id, known_id) {
            (Some(id), Some(known)) if *known == id => known.clone(),
            (Some(id), _) => id.into(),
            (None, known) => known.cloned().unwrap_or_default(),
        },
        thing,
    }
}

/// Containers of a summary that cadvisor did not tell of: those of known pods, and not more than a node can have.
pub(super) fn missing(summary: &Summary, told: &[Figures], is_known: impl Fn(&str, &str) -> bool) -> Vec<Figures> {
    let is_told = |pod: &summary::Pod, container: &summary::Container| {
        told.iter().any(|one| {
            one.container == container.name && one.pod == pod.named.name && one.namespace == pod.named.namespace
        })
    };
    let mut missing = Vec::new();
    for pod in summary.pods.iter().filter(|pod| is_known(&pod.named.namespace, &pod.named.name)) {
        for container in pod.containers.iter().take(MANY).filter(|container| !is_told(pod, container)) {
            if missing.len() >= MANY {
                return missing;
            }
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
        let read = |source, at, points| Reading { source, at: moment(at, now), start: None, points };
        for container in &said.containers {
            let Some((files, bytes)) = container.rootfs.as_ref().and_then(|it| Some((it, it.used_bytes?))) else {
                continue;
            };
            let same = |one: &&Reading| one.source.pod.id == pod.id && one.source.container == container.name;
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
            let thing = Thing::Volume(Box::new((volume.name.clone(), claim.name.clone())));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubelet::pods::by_node;
    use crate::kubelet::pods::tests::pod;

    const NOW: Timestamp = Timestamp(1_795_518_000 * SECOND);

    fn pods(change: impl FnOnce(&mut PodState)) -> Arc<Pods> {
        let mut one = pod("cart-1");
        change(&mut one);
        by_node([Arc::new(one)].iter()).remove("node-1").unwrap()
    }

    fn figures(id: Option<&str>, values: &[(Figure, f64)]) -> Figures {
        let mut figures = Figures::new("shop", "cart-1", "app");
        figures.id = id.map(str::to_owned);
        figures.at = Some(NOW.millis() - 4_000);
        values.iter().for_each(|(figure, value)| figures.set(*figure, *value));
        figures
    }

    fn told(reading: &Reading) -> Vec<(&'static str, f64)> {
        reading.points.iter().map(|(metric, _, value)| (metric.name, *value)).collect()
    }

    #[test]
    fn a_container_has_its_figures_and_only_limits_that_are_set() {
        let values = [
            (Figure::Cpu, 7.5),
            (Figure::Quota, 50_000.0),
            (Figure::Period, 100_000.0),
            (Figure::MemoryLimit, 0.0),
            (Figure::Started, 1_795_517_000.5),
        ];
        let all = of_containers(&[figures(Some("run"), &values)], &pods(|_| {}), NOW);
        assert_eq!(told(&all[0]), [("container.cpu.time", 7.5), ("k8s.container.cpu.limit", 0.5)]);
        assert_eq!((all[0].at, all[0].source.id.as_str()), (NOW.plus(-4 * SECOND), "run"));
        assert_eq!(all[0].start, Some(Timestamp(1_795_517_000_500_000_000)));
        let unlimited = [(Figure::Cpu, 1.0), (Figure::Quota, -1.0), (Figure::Period, 100_000.0)];
        let all = of_containers(&[figures(None, &unlimited)], &pods(|_| {}), NOW);
        assert_eq!(told(&all[0]), [("container.cpu.time", 1.0)]);
        assert_eq!(all[0].source.id, "known", "the cluster knows it");
    }

    #[test]
    fn a_pod_as_a_whole_has_the_periods_of_its_limit() {
        let mut whole = figures(None, &[(Figure::Periods, 40.0), (Figure::Throttled, 10.0)]);
        whole.container = String::new();
        let all = of_containers(&[whole, figures(Some("run"), &[(Figure::Cpu, 1.0)])], &pods(|_| {}), NOW);
        assert_eq!(told(&all[0]), [("k8s.pod.cpu.periods", 40.0), ("k8s.pod.cpu.throttled", 10.0)]);
        assert_eq!((&all[0].source.thing, all[0].source.id.as_str()), (&Thing::Pod, ""));
        assert_eq!(told(&all[1]), [("container.cpu.time", 1.0)]);
    }

    #[test]
    fn of_two_runs_the_newer_counts_and_strangers_do_not() {
        let run = |id, started| figures(Some(id), &[(Figure::Started, started), (Figure::Rss, started)]);
        let mut stranger = run("c", 9.0);
        stranger.pod = "other".into();
        let all = of_containers(&[run("a", 1.0), run("b", 2.0), stranger], &pods(|_| {}), NOW);
        assert_eq!(all.iter().map(|one| one.source.id.as_str()).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_kubelet_that_is_ahead_or_says_no_time_is_read_now() {
        for (said, expect) in [
            (Some(NOW.plus(-MINUTE)), NOW.plus(-MINUTE)),
            (Some(NOW.plus(5 * SECOND)), NOW.plus(5 * SECOND)),
            (Some(NOW.plus(5 * MINUTE)), NOW),
            (Some(Timestamp(0)), NOW),
            (None, NOW),
        ] {
            assert_eq!(moment(said, NOW), expect, "{said:?}");
        }
        assert_eq!(of_millis(i64::MAX), Timestamp(i64::MAX));
    }

    const SUMMARY: &str = r#"{"pods": [{"podRef": {"name": "cart-1", "namespace": "shop"},
        "containers": [{"name": "app", "cpu": {"usageCoreNanoSeconds": 1500000000},
            "memory": {"workingSetBytes": 5}, "rootfs": {"usedBytes": 6}}],
        "network": {"name": "eth0", "rxBytes": 1, "txBytes": 2},
        "volume": [{"name": "data", "availableBytes": 3, "capacityBytes": 4,
            "pvcRef": {"name": "data-cart", "namespace": "shop"}}, {"name": "token", "capacityBytes": 9}]},
        {"podRef": {"name": "other", "namespace": "shop"}, "network": {"rxBytes": 1}}]}"#;

    #[test]
    fn the_summary_has_network_volumes_and_files() {
        let summary: Summary = serde_json::from_str(SUMMARY).unwrap();
        let containers = of_containers(&[figures(Some("run"), &[(Figure::Cpu, 1.0)])], &pods(|_| {}), NOW);
        let all = of_summary(&summary, &pods(|_| {}), &containers, NOW);
        let [files, network, volume] = &all[..] else { panic!("{all:?}") };
        assert_eq!((told(files), files.source.id.as_str()), (vec![("container.filesystem.usage", 6.0)], "run"));
        assert_eq!(told(network), [("k8s.pod.network.io", 1.0), ("k8s.pod.network.io", 2.0)]);
        assert_eq!(told(volume), [("k8s.volume.available", 3.0), ("k8s.volume.capacity", 4.0)]);
        assert_eq!(volume.points[0].1[0], ("k8s.persistentvolumeclaim.name", "data-cart".to_owned()));
        let in_node = of_summary(&summary, &pods(|pod| pod.host_network = true), &containers, NOW);
        assert!(in_node.iter().all(|reading| reading.source.thing != Thing::Network), "that is its node's");
    }

    #[test]
    fn without_cadvisor_the_summary_says_what_containers_use() {
        let summary: Summary = serde_json::from_str(SUMMARY).unwrap();
        assert_eq!(missing(&summary, &[figures(None, &[])], |_, _| true), []);
        assert_eq!(missing(&summary, &[], |_, _| false), [], "nothing of pods that are not known");
        let readings = of_containers(&missing(&summary, &[], |_, _| true), &pods(|_| {}), NOW);
        assert_eq!(told(&readings[0]), [("container.cpu.time", 1.5), ("container.memory.working_set", 5.0)]);
    }
}
