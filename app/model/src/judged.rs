//! Verdicts in short, as rows, banners and flags show them, and the feed of all deploys.

use serde::{Deserialize, Serialize};

use crate::{Deploy, Diff, Sentence, Timestamp, Verdict, VerdictLevel};

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
    /// The template and the ConfigMaps that changed with it.
    pub diffs: Vec<Diff>,
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
    /// Only deploys that started before.
    pub before: Option<Timestamp>,
    /// How many rows, at most 200.
    pub limit: u32,
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
