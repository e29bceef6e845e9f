//! `/metrics/cadvisor`: what each container uses, and how long pods were held at a limit as a whole. Pure.

use std::collections::HashMap;

use super::pods::Pods;
use super::text::{Labels, Lines, Sample, sample};

/// What is kept of a container or a pod, by its place in [`Figures::values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    Cpu,
    Periods,
    Throttled,
    WorkingSet,
    Rss,
    MemoryLimit,
    Quota,
    Period,
    Started,
    CpuWaiting,
    CpuStalled,
    MemoryWaiting,
    MemoryStalled,
    IoWaiting,
    IoStalled,
}

/// How many figures there are.
const FIGURES: usize = Figure::IoStalled as usize + 1;

/// A family that is kept.
#[derive(Debug, Clone, Copy)]
enum Family {
    Of(Figure),
    Read,
    Written,
}

fn family(name: &[u8]) -> Option<Family> {
    use Figure as F;
    let figure = match name.strip_prefix(b"container_")? {
        b"cpu_usage_seconds_total" => F::Cpu,
        b"cpu_cfs_periods_total" => F::Periods,
        b"cpu_cfs_throttled_periods_total" => F::Throttled,
        b"memory_working_set_bytes" => F::WorkingSet,
        b"memory_rss" => F::Rss,
        b"spec_memory_limit_bytes" => F::MemoryLimit,
        b"spec_cpu_quota" => F::Quota,
        b"spec_cpu_period" => F::Period,
        b"start_time_seconds" => F::Started,
        b"pressure_cpu_waiting_seconds_total" => F::CpuWaiting,
        b"pressure_cpu_stalled_seconds_total" => F::CpuStalled,
        b"pressure_memory_waiting_seconds_total" => F::MemoryWaiting,
        b"pressure_memory_stalled_seconds_total" => F::MemoryStalled,
        b"pressure_io_waiting_seconds_total" => F::IoWaiting,
        b"pressure_io_stalled_seconds_total" => F::IoStalled,
        b"fs_reads_bytes_total" => return Some(Family::Read),
        b"fs_writes_bytes_total" => return Some(Family::Written),
        _ => return None,
    };
    Some(Family::Of(figure))
}

/// What a device of a container read and wrote.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Device {
    pub(super) name: String,
    pub(super) read: f64,
    pub(super) written: f64,
}

/// What a container uses, or a pod as a whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figures {
    pub(super) namespace: String,
    pub(super) pod: String,
    /// Empty for the pod as a whole.
    pub(super) container: String,
    /// The runtime's id, where the control group's name ends with one.
    pub(super) id: Option<String>,
    /// When it was measured, in milliseconds; nothing where that is not said.
    pub(super) at: Option<i64>,
    /// NaN for what is not there.
    values: [f64; FIGURES],
    pub(super) devices: Vec<Device>,
}

impl Figures {
    /// A container of which nothing was measured.
    pub(super) fn new(namespace: &str, pod: &str, container: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            container: container.to_owned(),
            id: None,
            at: None,
            values: [f64::NAN; FIGURES],
            devices: Vec::new(),
        }
    }

    /// A figure, where it is there.
    pub(super) fn get(&self, figure: Figure) -> Option<f64> {
        Some(self.values[figure as usize]).filter(|value| !value.is_nan())
    }

    /// Sets a figure.
    pub(super) fn set(&mut self, figure: Figure, value: f64) {
        self.values[figure as usize] = value;
    }

    fn device(&mut self, name: &str) -> &mut Device {
        let at = self.devices.iter().position(|device| device.name == name).unwrap_or_else(|| {
            self.devices.push(Device { name: name.to_owned(), read: f64::NAN, written: f64::NAN });
            self.devices.len() - 1
        });
        &mut self.devices[at]
    }
}

/// Containers of a node; more than so many are no node's.
pub(super) const MANY: usize = 10_000;
/// Devices of a container.
const DEVICES: usize = 32;

/// Gathers a body as it arrives.
#[derive(Debug, Default)]
pub(super) struct Cadvisor {
    lines: Lines,
    gathered: Gathered,
}

#[derive(Debug, Default)]
struct Gathered {
    /// By control group and names: a container that began again is there twice for a while.
    places: HashMap<String, usize>,
    all: Vec<Figures>,
    /// A key under construction, kept for its allocation.
    key: String,
}

impl Cadvisor {
    /// Takes a piece of the body; only what belongs to one of the pods is kept.
    pub(super) fn feed(&mut self, piece: &[u8], pods: &Pods) {
        let gathered = &mut self.gathered;
        self.lines.feed(piece, |line| gathered.line(line, pods));
    }

    /// The containers, and pods as a whole.
    pub(super) fn finish(self, pods: &Pods) -> Vec<Figures> {
        let Self { lines, mut gathered } = self;
        lines.finish(|line| gathered.line(line, pods));
        gathered.all
    }
}

impl Gathered {
    fn line(&mut self, line: &[u8], pods: &Pods) {
        if let Some(sample) = sample(line, family) {
            self.take(&sample, pods);
        }
    }

    fn take(&mut self, sample: &Sample<'_, Family>, pods: &Pods) {
        let labels = &sample.labels;
        let is_part = labels.container == "POD" || !matches!(labels.cpu, "" | "total");
        if is_part || (labels.container.is_empty() && !is_of_pod(sample)) {
            return;
        }
        self.key.clear();
        for part in [labels.id, labels.namespace, labels.pod, labels.container] {
            self.key.push_str(part);
            self.key.push(' ');
        }
        let place = match self.places.get(&self.key) {
            Some(place) => *place,
            None if self.all.len() >= MANY || !is_kept(labels, pods) => return,
            None => {
                let mut figures = Figures::new(labels.namespace, labels.pod, labels.container);
                figures.id = container_id(labels.id).map(str::to_owned);
                self.all.push(figures);
                self.places.insert(self.key.clone(), self.all.len() - 1);
                self.all.len() - 1
            }
        };
        let figures = &mut self.all[place];
        figures.at = figures.at.max(sample.at);
        match sample.family {
            Family::Of(figure) => figures.set(figure, sample.value),
            _ if figures.devices.len() >= DEVICES => {}
            Family::Read => figures.device(labels.device).read = sample.value,
            Family::Written => figures.device(labels.device).written = sample.value,
        }
    }
}

/// Whether a sample without a container is one that is kept of a pod's control group: not of one above it, nor of the
/// container that holds the pod's network.
fn is_of_pod(sample: &Sample<'_, Family>) -> bool {
    let is_wanted = matches!(sample.family, Family::Of(Figure::Periods | Figure::Throttled | Figure::Started));
    is_wanted && !sample.labels.pod.is_empty() && container_id(sample.labels.id).is_none()
}

/// Whether it belongs to one of the pods; of a pod's own group, to one whose containers have a limit together. Any pod
/// whose containers all have limits has a quota, but these are held before it is.
fn is_kept(labels: &Labels<'_>, pods: &Pods) -> bool {
    let pod = pods.get(labels.namespace, labels.pod);
    pod.is_some_and(|pod| !labels.container.is_empty() || pod.shares_cpu_limit())
}

/// `…/cri-containerd-<id>.scope` or `…/<id>`: 64 digits in hexadecimal, as all runtimes have.
fn container_id(group: &str) -> Option<&str> {
    let last = group.rsplit('/').next()?;
    let last = last.strip_suffix(".scope").unwrap_or(last);
    let id = last.rsplit('-').next()?;
    (id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Amounts, Asked, PodState, Whole};

    use super::*;
    use crate::kubelet::pods::by_node;
    use crate::kubelet::pods::tests::pod;

    fn gather(body: &str) -> Vec<Figures> {
        gather_of(body, pod("cart-1"))
    }

    fn gather_of(body: &str, pod: PodState) -> Vec<Figures> {
        let pods = by_node([Arc::new(pod)].iter()).remove("node-1").unwrap();
        let mut cadvisor = Cadvisor::default();
        body.as_bytes().chunks(7).for_each(|piece| cadvisor.feed(piece, &pods));
        cadvisor.finish(&pods)
    }

    const LABELS: &str = r#"namespace="shop",pod="cart-1""#;

    #[test]
    fn what_a_container_uses_is_gathered_over_families() {
        let id = "a1".repeat(32);
        let group = format!("/kubepods.slice/pod1.slice/cri-containerd-{id}.scope");
        let body = format!(
            "# TYPE container_cpu_usage_seconds_total counter\n\
             container_cpu_usage_seconds_total{{container=\"app\",cpu=\"total\",id=\"{group}\",{LABELS}}} 12.5 1000\n\
             container_cpu_usage_seconds_total{{container=\"\",cpu=\"total\",id=\"/pod1\",{LABELS}}} 13 1000\n\
             container_cpu_usage_seconds_total{{container=\"app\",cpu=\"cpu00\",id=\"{group}\",{LABELS}}} 1 1000\n\
             container_cpu_usage_seconds_total{{container=\"x\",id=\"/y\",namespace=\"shop\",pod=\"gone\"}} 13 1000\n\
             container_fs_reads_bytes_total{{container=\"app\",device=\"/dev/sda\",id=\"{group}\",{LABELS}}} 5 1000\n\
             container_fs_writes_bytes_total{{container=\"app\",device=\"/dev/sda\",id=\"{group}\",{LABELS}}} 6 1000\n\
             container_memory_working_set_bytes{{container=\"app\",id=\"{group}\",{LABELS}}} NaN 2000\n\
             container_memory_rss{{container=\"app\",id=\"{group}\",{LABELS}}} 4096 2000\n\
             container_spec_memory_limit_bytes{{container=\"app\",id=\"{group}\",{LABELS}}} 8192"
        );
        let found = gather(&body);
        assert_eq!(found.len(), 1);
        let app = &found[0];
        assert_eq!((app.container.as_str(), app.id.as_deref(), app.at), ("app", Some(id.as_str()), Some(2_000)));
        assert_eq!(app.get(Figure::Cpu), Some(12.5));
        assert_eq!(app.get(Figure::WorkingSet), None);
        assert_eq!(app.get(Figure::Rss), Some(4_096.0));
        assert_eq!(app.get(Figure::MemoryLimit), Some(8_192.0), "the last line needs no end");
        assert_eq!(app.devices, [Device { name: "/dev/sda".into(), read: 5.0, written: 6.0 }]);
    }

    #[test]
    fn a_pod_is_gathered_where_it_has_a_limit_as_a_whole() {
        let line = |family: &str, group: &str, value: u32| {
            format!(
                "container_{family}{{container=\"\",id=\"/kubepods{group}\",image=\"\",name=\"\",{LABELS}}} {value} 9\n"
            )
        };
        let sandbox = format!("/pod1/{}", "c".repeat(64));
        let body = line("cpu_cfs_periods_total", "/pod1", 40)
            + &line("cpu_cfs_throttled_periods_total", "/pod1", 10)
            + &line("cpu_cfs_periods_total", &sandbox, 7)
            + &line("memory_working_set_bytes", "/pod1", 5)
            + "container_cpu_cfs_periods_total{container=\"\",id=\"/kubepods\",namespace=\"\",pod=\"\"} 99 9\n";
        assert_eq!(gather(&body), [], "its containers have limits of their own");
        let limited = |limits| {
            let whole = Whole { asked: Asked { limits, ..Asked::default() }, before: vec![] };
            gather_of(&body, PodState { whole: Some(Box::new(whole)), ..pod("cart-1") })
        };
        assert_eq!(limited(Amounts { cpu: None, memory: Some(1) }), [], "it has none of cores");
        let found = limited(Amounts { cpu: Some(500), memory: None });
        let [whole] = &found[..] else { panic!("{found:?}") };
        assert_eq!((whole.pod.as_str(), whole.container.as_str(), whole.id.as_deref()), ("cart-1", "", None));
        assert_eq!((whole.get(Figure::Periods), whole.get(Figure::Throttled)), (Some(40.0), Some(10.0)));
        assert_eq!(whole.get(Figure::WorkingSet), None, "that is the sum of its containers'");
    }

    #[test]
    fn a_container_that_began_again_is_another() {
        let line = |id: &str, value: u32| {
            format!("container_memory_rss{{container=\"app\",id=\"/pod/{}\",{LABELS}}} {value} 9\n", id.repeat(64))
        };
        let found = gather(&(line("a", 1) + &line("b", 2)));
        let told: Vec<_> = found.iter().map(|one| one.get(Figure::Rss)).collect();
        assert_eq!(told, [Some(1.0), Some(2.0)]);
    }

    #[test]
    fn the_id_is_the_end_of_the_control_group() {
        let id = "0f".repeat(32);
        assert_eq!(container_id(&format!("/a/docker-{id}.scope")), Some(id.as_str()));
        assert_eq!(container_id(&format!("/kubepods/besteffort/podx/{id}")), Some(id.as_str()));
        assert_eq!(container_id("/kubepods/burstable/pod1"), None);
        assert_eq!(container_id(""), None);
    }
}
