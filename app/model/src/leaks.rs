//! What leaks: memory that climbs until a container is killed, a volume that fills.

use serde::{Deserialize, Serialize};

use crate::{
    Marks, MetricChart, PodId, RevisionHash, SampleType, Sentence, Series, Timestamp, Window, bytes_text,
    short_age_text,
};

/// Nanoseconds until a limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eta {
    /// At the rate that is likeliest.
    pub likely: i64,
    /// At the fastest of the interval.
    pub soonest: i64,
    /// At the slowest of the interval; nothing where that never reaches it.
    pub latest: Option<i64>,
}

/// What bounds that which climbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LimitOf {
    /// Its own limit, or the size of the volume.
    #[default]
    Own,
    /// The limit of its pod as a whole: level and limit are of all its containers, the rate is of the one that climbs.
    Pod,
    /// What its node has left: nothing limits it but that.
    Node,
}

/// What of a pod climbs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LeakOf {
    /// A container's memory.
    Memory {
        /// The container.
        container: String,
    },
    /// What is used of a volume.
    Volume {
        /// The volume, as the pod's template names it.
        volume: String,
    },
}

/// A pod whose memory or volume climbs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LeakingPod {
    /// The pod.
    pub pod: PodId,
    /// Its name.
    pub name: String,
    /// Bytes an hour.
    pub rate: f64,
    /// 95 % interval of the rate.
    pub rate_interval: (f64, f64),
    /// Bytes now.
    pub level: f64,
    /// Bytes at which it ends, where there is a limit.
    pub limit: Option<f64>,
    /// What the limit is of.
    pub limit_of: LimitOf,
    /// Since when it climbs.
    pub since: Timestamp,
    /// When the limit is reached, where there is one.
    pub eta: Option<Eta>,
}

/// A leak of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// What climbs.
    pub of: LeakOf,
    /// The revision whose pods do.
    pub revision: Option<RevisionHash>,
    /// Its shown name.
    pub revision_name: String,
    /// Those that reach their limit first at the front; at least one.
    pub pods: Vec<LeakingPod>,
    /// So many pods of the revision were watched.
    pub watched: u32,
    /// Bytes an hour of the revision before at equal age, where its pods were watched as long.
    pub before: Option<f64>,
    /// The name of that revision.
    pub before_name: Option<String>,
    /// One sentence a person would say.
    pub sentence: Sentence,
    /// The end of the data it was found in.
    pub as_of: Timestamp,
}

impl LeakingPod {
    /// Its rate and when it ends: `+46 MiB/h: limit in 5 h`, `+46 MiB/h: node full in 5 h`, `+46 MiB/h`.
    pub fn headline(&self) -> String {
        let what = if self.limit_of == LimitOf::Node { "node full" } else { "limit" };
        let end = self.eta.map(|eta| format!(": {what} in {}", short_age_text(eta.likely))).unwrap_or_default();
        format!("+{}/h{end}", bytes_text(self.rate))
    }
}

impl Leak {
    /// Nanoseconds until the first pod reaches its limit.
    pub fn eta(&self) -> Option<Eta> {
        self.pods.first()?.eta
    }

    /// Whether the revision before climbed at least half as fast at equal age.
    pub fn is_old(&self) -> bool {
        let rate = self.pods.first().map_or(0.0, |pod| pod.rate);
        self.before.is_some_and(|before| before >= 0.5 * rate)
    }
}

/// A leak with what it was read from, and where it goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeakChart {
    /// The leak.
    pub leak: Leak,
    /// Of the chart: it reaches into the future.
    pub window: Window,
    /// Bytes of the pods that climb, in their order; not more than can be told apart.
    pub pods: Vec<Series>,
    /// Where the first of them goes: likely, soonest, latest, then its own limit where it has one.
    pub forecast: Vec<Series>,
    /// Deploys and events in the window.
    pub marks: Marks,
    /// What grew on the heap of the first of them, where it sends heap profiles.
    pub heap: Option<HeapGrowth>,
}

/// Memory of a service's pods, with where it goes if it leaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryChart {
    /// Memory by pod.
    pub chart: MetricChart,
    /// What leaks of it.
    pub leak: Option<Leak>,
    /// Where the first of the leaking pods goes: likely, soonest, latest, then its own limit where it has one; nothing
    /// where what climbs can't be told from the rest of its pod.
    pub forecast: Vec<Series>,
    /// Of the chart: with a forecast it reaches into the future.
    pub window: Window,
    /// Deploys and events in the window.
    pub marks: Marks,
}

/// What grew on the heap of a pod between the beginning of its climb and now: means over two windows of equal length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeapGrowth {
    /// The pod.
    pub pod: String,
    /// What its profiles sample.
    pub sample: SampleType,
    /// The window at the beginning.
    pub begin: Window,
    /// The window up to now.
    pub now: Window,
    /// Bytes on the whole heap at the beginning.
    pub all_begin: f64,
    /// Bytes on the whole heap now.
    pub all_now: f64,
    /// Functions whose own memory grew, most first; at least one.
    pub functions: Vec<HeapFunction>,
}

/// What a function holds on the heap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeapFunction {
    /// Its name.
    pub name: String,
    /// Bytes at the beginning.
    pub begin: f64,
    /// Bytes now.
    pub now: f64,
}

impl HeapFunction {
    /// By so many bytes it grew.
    pub fn grew(&self) -> f64 {
        self.now - self.begin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leak(rate: f64, before: Option<f64>) -> Leak {
        let pod = LeakingPod { pod: PodId("uid".into()), name: "pod".into(), rate, ..LeakingPod::default() };
        Leak {
            of: LeakOf::Memory { container: "app".into() },
            revision: None,
            revision_name: "v2".into(),
            pods: vec![pod],
            watched: 1,
            before,
            before_name: None,
            sentence: Sentence::default(),
            as_of: Timestamp(0),
        }
    }

    #[test]
    fn a_leak_is_old_where_the_revision_before_had_it_too() {
        assert!(!leak(100.0, None).is_old());
        assert!(!leak(100.0, Some(10.0)).is_old());
        assert!(leak(100.0, Some(90.0)).is_old());
        assert_eq!(leak(1.0, None).eta(), None);
    }
}
