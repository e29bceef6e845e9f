//! Health of a service, and the verdict on a deploy with everything that it rests on.

use serde::{Deserialize, Serialize};

use crate::{Sentence, Timestamp, Window};

/// Health of a service, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Health {
    /// Users are hurt now.
    Failing,
    /// Something is worse than it should be.
    Degraded,
    /// A deploy is in progress and nothing is wrong.
    RollingOut,
    /// Binnacle can't say: not connected, or its data is old.
    Unknown,
    /// None of these.
    Healthy,
}

impl Health {
    /// All, worst first.
    pub const ALL: [Self; 5] = [Self::Failing, Self::Degraded, Self::RollingOut, Self::Unknown, Self::Healthy];

    /// The word on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failing => "Failing",
            Self::Degraded => "Degraded",
            Self::RollingOut => "Rolling out",
            Self::Unknown => "Unknown",
            Self::Healthy => "Healthy",
        }
    }

    /// The word in a URL and in a style class.
    pub fn key(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Degraded => "degraded",
            Self::RollingOut => "rolling-out",
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
        }
    }

    /// The health a key names.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|health| health.key() == key)
    }
}

/// A health and the sentence that says why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthState {
    /// The health.
    pub health: Health,
    /// Why, in one sentence.
    pub sentence: Sentence,
}

/// What analysis says of a deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum VerdictLevel {
    /// Pods are still moving.
    RollingOut,
    /// It does not move any more.
    Stuck,
    /// Nothing can be said yet.
    TooLittleData,
    /// Looked at, nothing flagged.
    Healthy,
    /// A signal is flagged.
    Degraded,
    /// Errors or pods say that it does not work.
    Failed,
    /// It was taken back.
    RolledBack,
}

impl VerdictLevel {
    /// All, as a filter offers them.
    pub const ALL: [Self; 7] = [
        Self::Failed,
        Self::Degraded,
        Self::RolledBack,
        Self::Stuck,
        Self::RollingOut,
        Self::TooLittleData,
        Self::Healthy,
    ];

    /// The level a key names.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.key() == key)
    }

    /// Whether it says that the deploy made something worse.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Degraded)
    }

    /// The word in a URL, in JSON for machines and in a style class.
    pub fn key(self) -> &'static str {
        match self {
            Self::RollingOut => "rolling-out",
            Self::Stuck => "stuck",
            Self::TooLittleData => "too-little-data",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::RolledBack => "rolled-back",
        }
    }

    /// The words on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::RollingOut => "Rolling out",
            Self::Stuck => "Stuck",
            Self::TooLittleData => "Too little data",
            Self::Healthy => "Healthy",
            Self::Degraded => "Degraded",
            Self::Failed => "Failed",
            Self::RolledBack => "Rolled back",
        }
    }
}

/// A verdict on a deploy. It is of its moment: a later one is another verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Its level.
    pub level: VerdictLevel,
    /// One sentence a person would say.
    pub headline: Sentence,
    /// Version of the rules that made it; 0 is none.
    #[serde(default)]
    pub rules: u32,
    /// The end of the data it was made from.
    #[serde(default)]
    pub judged_at: Timestamp,
    /// What the requests of the new revision were compared with, where any were.
    #[serde(default)]
    pub against: Option<Against>,
    /// Every signal looked at: flagged ones first, the one in the headline foremost.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// What was set apart before comparing, a sentence each: usual during this service's rollouts, hit every
    /// service at once, came with the callers' load.
    #[serde(default)]
    pub discounted: Vec<Sentence>,
    /// The busiest endpoints with too few requests to judge on their own, at most 20.
    #[serde(default)]
    pub unjudged: Vec<Unjudged>,
    /// How many there are in all.
    #[serde(default)]
    pub unjudged_in_all: u32,
}

impl Verdict {
    /// A verdict that rests on nothing but its sentence.
    pub fn new(level: VerdictLevel, headline: Sentence) -> Self {
        Self {
            level,
            headline,
            rules: 0,
            judged_at: Timestamp::default(),
            against: None,
            evidence: Vec::new(),
            discounted: Vec::new(),
            unjudged: Vec::new(),
            unjudged_in_all: 0,
        }
    }
}

/// What the new revision is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Against {
    /// Pods of the old revision in the same minutes.
    SideBySide,
    /// The service's own recent past at the like time of day.
    Past,
    /// Everything the service retains: is it new?
    Ever,
    /// Nothing: the state of the pods speaks for itself.
    Nothing,
}

impl Against {
    /// The word in JSON for machines.
    pub fn key(self) -> &'static str {
        match self {
            Self::SideBySide => "side_by_side",
            Self::Past => "past",
            Self::Ever => "ever",
            Self::Nothing => "nothing",
        }
    }
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Signal {
    /// Share of requests that fail.
    Errors,
    /// Durations.
    Latency,
    /// An error group never seen before.
    ErrorGroup,
    /// A log pattern never seen before.
    LogPattern,
    /// Requests served.
    Throughput,
    /// Containers in a crash loop.
    CrashLoop,
    /// Images that can't be pulled.
    FailedPull,
    /// Pods that never get ready.
    NeverReady,
    /// The rollout does not move.
    Stuck,
    /// Container restarts.
    Restarts,
    /// OOM kills.
    OomKills,
    /// Failed probes.
    FailedProbes,
    /// Time not ready after having been ready.
    Unready,
    /// CPU per request.
    Cpu,
    /// Memory at equal pod age.
    Memory,
    /// Memory that climbs without end.
    Leak,
}

impl Signal {
    /// The word in JSON for machines.
    pub fn key(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::ErrorGroup => "error_group",
            Self::LogPattern => "log_pattern",
            Self::Throughput => "throughput",
            Self::CrashLoop => "crash_loop",
            Self::FailedPull => "failed_pull",
            Self::NeverReady => "never_ready",
            Self::Stuck => "stuck",
            Self::Restarts => "restarts",
            Self::OomKills => "oom_kills",
            Self::FailedProbes => "failed_probes",
            Self::Unready => "unready",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Leak => "leak",
        }
    }

    /// The words on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Errors => "Errors",
            Self::Latency => "Latency",
            Self::ErrorGroup => "New error group",
            Self::LogPattern => "New log pattern",
            Self::Throughput => "Throughput",
            Self::CrashLoop => "Crash loop",
            Self::FailedPull => "Image pull",
            Self::NeverReady => "Never ready",
            Self::Stuck => "Stuck rollout",
            Self::Restarts => "Restarts",
            Self::OomKills => "OOM kills",
            Self::FailedProbes => "Failed probes",
            Self::Unready => "Unready time",
            Self::Cpu => "CPU per request",
            Self::Memory => "Memory at equal pod age",
            Self::Leak => "Memory that climbs",
        }
    }
}

/// What came of looking at a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// This deploy made it worse.
    Flagged,
    /// A rollback took it back: it is better than on the revision that was replaced.
    Better,
    /// Looked at, and not called.
    NotFlagged,
    /// There was too little to look at.
    NotJudged,
}

impl Outcome {
    /// The word in JSON for machines.
    pub fn key(self) -> &'static str {
        match self {
            Self::Flagged => "flagged",
            Self::Better => "better",
            Self::NotFlagged => "not_flagged",
            Self::NotJudged => "not_judged",
        }
    }
}

/// One signal that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was looked at.
    pub signal: Signal,
    /// On which endpoint; nothing is the whole service.
    pub endpoint: Option<String>,
    /// Which error group, log pattern, reason or container.
    pub subject: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why it was called, or why not.
    pub why: Sentence,
    /// What with.
    pub against: Against,
    /// The old side; nothing where there is none to compare with.
    pub old: Option<Side>,
    /// The new side.
    pub new: Side,
    /// The difference.
    pub effect: Option<Effect>,
    /// The test, where one was made.
    pub test: Option<Test>,
}

/// One side of a comparison. A share is `numerator / denominator`, and so are its headline and its chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// The revision by its shown name, or what else it is: `the hour before`.
    pub name: String,
    /// When; of an old side at like times of day, the most recent part.
    pub window: Window,
    /// Failed requests, restarts, unready minutes …; requests for durations.
    pub numerator: f64,
    /// Requests, pod minutes ….
    pub denominator: f64,
    /// What is compared: the share, or nanoseconds at the quantile that the effect names.
    pub value: Option<f64>,
    /// Pod × minute cells (minutes on the side of the past) that it comes from.
    pub cells: u32,
}

/// The unit of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Shares of one: 0.01 is one point.
    Share,
    /// Nanoseconds at the median.
    Median,
    /// Nanoseconds at the 95th percentile.
    P95,
    /// Per pod and hour.
    Rate,
    /// Counted.
    Count,
    /// CPU seconds a request.
    CpuSeconds,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// The word in JSON for machines.
    pub fn key(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Median => "median",
            Self::P95 => "p95",
            Self::Rate => "rate",
            Self::Count => "count",
            Self::CpuSeconds => "cpu_seconds",
            Self::Bytes => "bytes",
        }
    }
}

/// The difference between the sides, in the unit of its values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// The unit.
    pub unit: Unit,
    /// New less old.
    pub difference: f64,
    /// New over old; nothing over zero.
    pub ratio: Option<f64>,
    /// Interval of the difference at 95 %, where one was made.
    pub interval: Option<(f64, f64)>,
    /// How it was made: `Newcombe, effective counts`.
    pub method: String,
    /// The smallest difference that would have been seen with 99 % certainty, where known.
    pub smallest: Option<f64>,
}

/// A test of one comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// Its statistic as a standard normal or t value.
    pub statistic: f64,
    /// Degrees of freedom of a t value.
    pub freedom: Option<f64>,
    /// One-sided p.
    pub p: f64,
    /// What p had to reach: this comparison's part of the deploy's budget.
    pub threshold: f64,
    /// How many times more the counts vary than independent ones would.
    pub dispersion: f64,
}

impl Test {
    /// `p < 0.0001`, `p 0.0031`, `p 0.42`.
    pub fn p_text(&self) -> String {
        if self.p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p {}", probability_text(self.p)) }
    }
}

/// A probability as one reads it beside another: `0.57`, `0.0031`, `3e-92`.
pub fn probability_text(p: f64) -> String {
    match p {
        p if p < 1e-300 => "< 1e-300".to_owned(),
        p if p < 0.0001 => format!("{p:.0e}"),
        p if p < 0.1 => format!("{p:.4}"),
        p => format!("{p:.2}"),
    }
}

/// An endpoint with too few requests to judge on its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unjudged {
    /// The endpoint.
    pub endpoint: String,
    /// Its requests on the new revision.
    pub requests: f64,
    /// The share of failures that would have been seen; nothing when not even total failure would.
    pub visible: Option<f64>,
}
