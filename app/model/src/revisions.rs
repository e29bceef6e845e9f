//! The revisions that a service had, and two of them compared.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Diff, EndpointRow, Judged, RevisionHash, Series, Summary, Timestamp, Window, as_text};

/// A revision as the Deploys tab lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevisionRow {
    /// The template's hash.
    pub hash: RevisionHash,
    /// Its shown name.
    pub name: String,
    /// It is what the workload's template is now.
    pub current: bool,
    /// When its first pod was created, or what makes its pods.
    pub first_seen: Timestamp,
    /// When its last pod was gone; nothing while it runs, and where that is not known.
    pub last_seen: Option<Timestamp>,
    /// Pods that are there now.
    pub pods: u32,
    /// Pods that are known of, gone ones included; nothing where all were gone before any was seen.
    pub pods_ever: Option<u32>,
    /// What it did in its last hour.
    pub hour: Summary,
    /// Error groups that it was the first to have, in the retained history; nothing where neither a pod nor a request
    /// of it was seen.
    pub new_errors: Option<u32>,
    /// What was said of the newest deploy that brought it.
    pub verdict: Option<Judged>,
}

/// The revisions of a service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Revisions {
    /// The current one, then the others, the newest first.
    pub rows: Vec<RevisionRow>,
    /// So many older ones are not listed.
    pub more: u32,
}

/// How two revisions are laid over each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Align {
    /// By the time since each began.
    #[default]
    Age,
    /// By the clock, around the time at which the later one began.
    Clock,
}

/// A revision, and which of its runs: it may have been deployed, taken back and deployed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOf {
    /// The revision.
    pub hash: RevisionHash,
    /// The sequence of the deploy that began the run; the newest run where none is named.
    pub deploy: Option<u32>,
}

impl RunOf {
    /// The newest run of a revision.
    pub fn newest(hash: RevisionHash) -> Self {
        Self { hash, deploy: None }
    }
}

/// As an address has it: `84bd7c6f9`, or `84bd7c6f9@3` for the run that deploy 3 began.
impl fmt::Display for RunOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.hash)?;
        self.deploy.map_or(Ok(()), |sequence| write!(f, "@{sequence}"))
    }
}

impl FromStr for RunOf {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (hash, deploy) = match text.split_once('@') {
            Some((hash, sequence)) => (hash, Some(sequence.parse().map_err(|_| "the run of a revision is no number")?)),
            None => (text, None),
        };
        if hash.is_empty() {
            return Err("no revision is named");
        }
        Ok(Self { hash: RevisionHash(hash.into()), deploy })
    }
}

as_text!(RunOf);

/// Which revisions are compared, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// What the other is compared with.
    pub old: RunOf,
    /// What is compared.
    pub new: RunOf,
    /// How they are laid over each other.
    pub by: Align,
}

/// A time that a revision ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionRun {
    /// The sequence of the deploy that began it; nothing where it ran before any that is known.
    pub deploy: Option<u32>,
    /// From its deploy on, to the end of the next one, its last pod's end, or now.
    pub ran: Window,
    /// It is the one that is compared.
    pub is_shown: bool,
}

/// One of two revisions that are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The template's hash.
    pub hash: RevisionHash,
    /// Its shown name.
    pub name: String,
    /// Its place in the history of the service, the oldest at 0, which its colour is made of.
    pub place: u32,
    /// When it ran, of its runs the one that is compared.
    pub ran: Window,
    /// All its runs, the newest first.
    pub runs: Vec<RevisionRun>,
    /// What endpoints, errors and total are of.
    pub measured: Window,
    /// How long it served in `measured`, from its first request to its last, in nanoseconds: rates are of this time.
    pub served: i64,
    /// What it did then.
    pub total: Summary,
    /// Its pod template is among the stored versions.
    pub has_template: bool,
}

/// An error group beside another revision's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparedError {
    /// `exception.type`, else `error.type`, else status and pattern of the message.
    pub error: String,
    /// The endpoint on which it happened.
    pub endpoint: String,
    /// How often with the old revision.
    pub old: f64,
    /// How often with the new revision.
    pub new: f64,
    /// First seen in the retained history.
    pub first_seen: Timestamp,
}

/// Two revisions beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What the other is compared with.
    pub old: Compared,
    /// What is compared.
    pub new: Compared,
    /// How they are laid over each other.
    pub by: Align,
    /// What the charts show: instants, or ages counted from the epoch.
    pub axis: Window,
    /// Requests per second, the old revision first.
    pub requests: [Series; 2],
    /// Share of requests that failed, the old revision first.
    pub errors: [Series; 2],
    /// 95th percentile of durations in nanoseconds, the old revision first.
    pub latency: [Series; 2],
    /// Endpoints, the new revision as `now` and the old as `before`, worst change first.
    pub endpoints: Vec<EndpointRow>,
    /// Error groups, most frequent first.
    pub groups: Vec<ComparedError>,
    /// So many groups more are rarer.
    pub more_groups: u32,
    /// The pod template, and the ConfigMaps that were edited between the two.
    pub diffs: Vec<Diff>,
    /// The least time from which edits of ConfigMaps were looked at, where the older revision began before it.
    pub config_from: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_a_revision_and_the_deploy_that_began_it() {
        let run = |hash: &str, deploy| RunOf { hash: RevisionHash(hash.into()), deploy };
        for (text, of) in [("84bd7c6f9", run("84bd7c6f9", None)), ("db-7d9f.1@12", run("db-7d9f.1", Some(12)))] {
            assert_eq!((of.to_string().as_str(), text.parse()), (text, Ok(of.clone())));
            assert_eq!(serde_json::to_string(&of).unwrap(), format!("\"{text}\""));
        }
        for wrong in ["", "@3", "a@", "a@b", "a@-1", "a@1@2"] {
            assert!(wrong.parse::<RunOf>().is_err(), "{wrong}");
        }
    }
}
