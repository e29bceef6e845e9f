//! Verdicts in short, as rows, banners and flags show them, and the feed of all deploys.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    Deploy, DeployId, DeployMark, Diff, IdError, Sentence, Series, Signal, Timestamp, Verdict, VerdictLevel, Window,
};

/// A verdict in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The deploy's place among those of its service.
    pub sequence: u32,
    /// The level.
    pub level: VerdictLevel,
    /// One sentence a person would say.
    pub headline: Sentence,
    /// What it rests on: counts, p, what else was looked at.
    pub note: String,
    /// The end of the data it was made from.
    pub judged_at: Timestamp,
}

/// A deploy that is opened: why it was judged as it was, beside what it changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeployDetail {
    /// The verdict with its evidence; nothing where the deploy was not judged.
    pub verdict: Option<Verdict>,
    /// What the verdict is about over time; nothing where no requests were measured.
    pub chart: Option<EvidenceChart>,
    /// The template and the ConfigMaps that changed with it.
    pub diffs: Vec<Diff>,
}

/// What a verdict is about over time: a line for each of the two revisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidenceChart {
    /// Errors (shares, 0 to 1) or latency (nanoseconds at the 95th percentile).
    pub signal: Signal,
    /// Of which endpoint; nothing is the whole service.
    pub endpoint: Option<String>,
    /// From before the deploy to the end of what the verdict was made from.
    pub window: Window,
    /// The old revision's, where there is one, then the new one's, each with its place in the history of the service.
    pub lines: Vec<(Series, Option<u32>)>,
    /// The deploy.
    pub mark: DeployMark,
}

/// What the feed of all deploys shows, as its address says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeedQuery {
    /// Text in the service's name or namespace, or in the name of the revision.
    pub text: String,
    /// Only this namespace; empty is all.
    pub namespace: String,
    /// Only these levels; none means all, deploys without a verdict too.
    pub levels: Vec<VerdictLevel>,
    /// Only those that started in it; nothing means at any time.
    pub window: Option<Window>,
    /// Only what comes after this place.
    pub before: Option<FeedPlace>,
    /// How many rows, at most 200.
    pub limit: u32,
}

/// A deploy's place in the feed: the latest start first, of one start the greatest id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedPlace {
    /// When it started.
    pub started: Timestamp,
    /// Which it is.
    pub id: DeployId,
}

/// As an address has it: `1700000000000000000-c/shop/Deployment/cart/3`.
impl fmt::Display for FeedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.started.0, self.id)
    }
}

impl FromStr for FeedPlace {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || IdError::Deploy(text.to_owned());
        let (started, id) = text.split_once('-').ok_or_else(wrong)?;
        Ok(Self { started: Timestamp(started.parse().map_err(|_| wrong())?), id: id.parse()? })
    }
}

/// A deploy in the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedRow {
    /// The deploy.
    pub deploy: Deploy,
    /// Its verdict, once there is one.
    pub verdict: Option<Judged>,
}

/// A page of the feed, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// The rows asked for.
    pub rows: Vec<FeedRow>,
    /// There are older ones.
    pub more: bool,
    /// All namespaces with services.
    pub namespaces: Vec<String>,
}
