//! Profiles: what was sampled, stacks as a tree of frames, and what stands in the Profiles tab.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{RevisionHash, Timestamp};

/// What is sampled, and in which unit (pprof's and OTLP's `ValueType`). As text `cpu:nanoseconds`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SampleType {
    /// `cpu`, `inuse_space`.
    pub name: String,
    /// `nanoseconds`, `bytes`.
    pub unit: String,
}

/// A text that names no sample type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sample type is a name, a colon and a unit")]
pub struct NoSampleType;

impl SampleType {
    /// Of a name and a unit.
    pub fn new(name: &str, unit: &str) -> Self {
        Self { name: name.to_owned(), unit: unit.to_owned() }
    }

    /// Whether a profile of it says what there is at a moment: of several the mean tells something, their sum nothing.
    pub fn is_snapshot(&self) -> bool {
        self.name.starts_with("inuse") || matches!(self.name.as_str(), "goroutine" | "goroutines" | "threads")
    }

    /// What it is called on the screen.
    pub fn title(&self) -> String {
        let title = match self.name.as_str() {
            "cpu" | "itimer" => "CPU time",
            "wall" => "Wall time",
            "samples" | "sample" => "Samples",
            "inuse_space" => "Memory in use",
            "inuse_objects" => "Objects in use",
            "alloc_space" => "Memory allocated",
            "alloc_objects" => "Objects allocated",
            "goroutine" | "goroutines" => "Goroutines",
            "mutex_delay" | "lock_time" => "Waiting for locks",
            "mutex_contentions" | "lock_count" => "Lock contentions",
            "block_delay" => "Blocked",
            "block_contentions" => "Times blocked",
            "exceptions" | "exception" => "Exceptions",
            _ => return format!("{} ({})", self.name, self.unit),
        };
        title.to_owned()
    }

    /// The place among those that a page shows first: what most people look for has the least.
    pub fn rank(&self) -> usize {
        const ORDER: [&str; 8] =
            ["cpu", "itimer", "wall", "inuse_space", "alloc_space", "inuse_objects", "alloc_objects", "goroutine"];
        ORDER.iter().position(|name| *name == self.name).unwrap_or(ORDER.len())
    }
}

impl fmt::Display for SampleType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.unit)
    }
}

impl FromStr for SampleType {
    type Err = NoSampleType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, unit) = text.rsplit_once(':').filter(|(name, _)| !name.is_empty()).ok_or(NoSampleType)?;
        Ok(Self::new(name, unit))
    }
}

impl From<SampleType> for String {
    fn from(sample: SampleType) -> Self {
        sample.to_string()
    }
}

impl TryFrom<String> for SampleType {
    type Error = NoSampleType;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// A sample type of which a service has profiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileType {
    /// What is sampled.
    pub sample: SampleType,
    /// How many profiles there are.
    pub profiles: u64,
    /// When the last began.
    pub last: Timestamp,
}

/// Which profiles a service has in a window.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProfileTypes {
    /// Those that people look for first stand first.
    pub types: Vec<ProfileType>,
    /// Names of the pods that sent any, in order; not more than a page can use.
    pub pods: Vec<String>,
    /// Revisions that sent any, the one that sent last first.
    pub revisions: Vec<RevisionHash>,
    /// Not all of the window was looked at: only what came since then.
    pub covered_from: Option<Timestamp>,
}

/// A function on a stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// Its name.
    pub name: String,
    /// The file it is in; may be empty.
    pub file: String,
}

/// The frame of what is too small to be told apart.
pub const OTHER_FRAME: &str = "(other)";

/// Stacks merged into a tree, beside the same of another time or revision. Nodes stand each before those below it,
/// in columns of equal length.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FrameTree {
    /// Each once.
    pub frames: Vec<Frame>,
    /// Frame of each node.
    pub frame: Vec<u32>,
    /// How many nodes are above it.
    pub depth: Vec<u32>,
    /// What was measured in the function itself.
    pub own: Vec<i64>,
    /// What was measured in it and all below.
    pub total: Vec<i64>,
    /// `own` of what it is compared with; empty where there is nothing.
    pub own_before: Vec<i64>,
    /// `total` of what it is compared with.
    pub total_before: Vec<i64>,
    /// The functions that cost most, wherever they stand.
    pub functions: Vec<FrameCost>,
    /// What was measured in all.
    pub all: Cost,
    /// The same of what it is compared with.
    pub all_before: Option<Cost>,
    /// Not all of the window was looked at: only what came since then.
    pub covered_from: Option<Timestamp>,
    /// The same of what it is compared with.
    pub covered_before: Option<Timestamp>,
}

/// What was measured in all of some profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// The sum of all samples.
    pub value: i64,
    /// How many profiles there were.
    pub profiles: u64,
}

impl Cost {
    /// What a sum of samples says of these profiles, in the type's unit: of snapshots the mean of all, else the sum.
    pub fn told(&self, sample: &SampleType, sum: i64) -> f64 {
        if sample.is_snapshot() { sum as f64 / self.profiles.max(1) as f64 } else { sum as f64 }
    }
}

/// What one function costs, wherever it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameCost {
    /// Its frame.
    pub frame: u32,
    /// What was measured in the function itself.
    pub own: i64,
    /// What was measured in it and all below; what stands on a stack twice counts once.
    pub total: i64,
    /// `own` of what it is compared with.
    pub own_before: i64,
    /// `total` of what it is compared with.
    pub total_before: i64,
}

impl FrameTree {
    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.frame.len()
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.frame.is_empty()
    }

    /// The frame of a node.
    pub fn frame_of(&self, node: usize) -> &Frame {
        &self.frames[self.frame[node] as usize]
    }

    /// A part of all that was measured, from 0 to 1.
    pub fn share(&self, value: i64) -> f64 {
        share(value, self.all.value)
    }

    /// A part of all that was measured of what it is compared with.
    pub fn share_before(&self, value: i64) -> f64 {
        share(value, self.all_before.map_or(0, |before| before.value))
    }

    /// Whether there is anything that it can be compared with.
    pub fn is_compared(&self) -> bool {
        self.all_before.is_some_and(|before| before.value > 0)
    }

    /// By how much a node's share of all changed; nothing where it is not compared.
    pub fn change(&self, node: usize) -> Option<f64> {
        let before = self.total_before.get(node).filter(|_| self.is_compared())?;
        Some(self.share(self.total[node]) - self.share_before(*before))
    }

    /// Where the nodes below a node end.
    pub fn end_of(&self, node: usize) -> usize {
        let depth = self.depth[node];
        let below = self.depth[node + 1..].iter().take_while(|below| **below > depth).count();
        node + 1 + below
    }

    /// Numbers that tell each node by the functions above it and its own, the same in every answer.
    pub fn paths(&self) -> Vec<u64> {
        let mut outer: Vec<u64> = Vec::new();
        let path = |node: usize| {
            outer.truncate(self.depth[node] as usize);
            let above = outer.last().copied().unwrap_or(0xcbf2_9ce4_8422_2325);
            let Frame { name, file } = self.frame_of(node);
            let said = name.bytes().chain([0xff]).chain(file.bytes()).chain([0xff]);
            let path = said.fold(above, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            outer.push(path);
            path
        };
        (0..self.len()).map(path).collect()
    }

    /// Nodes from the outermost to the one above a node.
    pub fn above(&self, node: usize) -> Vec<usize> {
        let mut above = Vec::new();
        let mut depth = self.depth[node];
        for at in (0..node).rev() {
            if self.depth[at] < depth {
                depth = self.depth[at];
                above.push(at);
            }
        }
        above.reverse();
        above
    }

    /// The share of all that is in functions whose name holds a text (lower case), each stack counted once.
    pub fn matched(&self, text: &str) -> f64 {
        let is_match: Vec<bool> = self.frames.iter().map(|frame| frame.name.to_lowercase().contains(text)).collect();
        let (mut node, mut sum) = (0, 0_i64);
        while node < self.len() {
            if is_match[self.frame[node] as usize] {
                sum = sum.saturating_add(self.total[node]);
                node = self.end_of(node);
            } else {
                node += 1;
            }
        }
        self.share(sum)
    }
}

fn share(value: i64, of: i64) -> f64 {
    if of == 0 { 0.0 } else { value as f64 / of as f64 }
}

/// A revision that has profiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfiledRevision {
    /// Its hash.
    pub hash: RevisionHash,
    /// Its name on the screen.
    pub name: String,
}

/// What is shown and what it is compared with, as the address has it. Empty texts choose nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProfileWords {
    /// A sample type.
    pub sample: String,
    /// A pod's name.
    pub pod: String,
    /// A revision's hash.
    pub revision: String,
    /// What it is compared with: a revision's hash, [`BEFORE`], [`DEPLOY`], or [`SINCE`] with an instant.
    pub against: String,
}

/// Compared with the window before.
pub const BEFORE: &str = "before";
/// Compared with as long a time from an instant on: this and its milliseconds, which no revision's hash looks like.
pub const SINCE: &str = "since-";
/// The revisions of the newest deploy are compared.
pub const DEPLOY: &str = "deploy";

/// The Profiles tab.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProfilePage {
    /// Which profiles there are.
    pub types: ProfileTypes,
    /// Revisions to choose from, the newest first.
    pub revisions: Vec<ProfiledRevision>,
    /// The revision that is shown, where it is one.
    pub revision: Option<RevisionHash>,
    /// The revision that it is compared with.
    pub against: Option<RevisionHash>,
    /// Nanoseconds that the window is long.
    pub length: i64,
    /// What is shown; nothing where there are no profiles.
    pub shown: Option<(SampleType, FrameTree)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// main → a → b, main → c, other → b.
    fn tree() -> FrameTree {
        let frame = |name: &str| Frame { name: name.into(), file: String::new() };
        FrameTree {
            frames: ["main", "a", "b", "c", "Other"].map(frame).to_vec(),
            frame: vec![0, 1, 2, 3, 4, 2],
            depth: vec![0, 1, 2, 1, 0, 1],
            own: vec![1, 2, 3, 4, 0, 10],
            total: vec![10, 5, 3, 4, 10, 10],
            own_before: vec![0, 0, 5, 0, 0, 5],
            total_before: vec![5, 5, 5, 0, 5, 5],
            functions: Vec::new(),
            all: Cost { value: 20, profiles: 2 },
            all_before: Some(Cost { value: 10, profiles: 1 }),
            covered_from: None,
            covered_before: None,
        }
    }

    #[test]
    fn nodes_know_what_is_above_and_below_them() {
        let tree = tree();
        assert_eq!([0, 1, 2, 3, 4, 5].map(|node| tree.end_of(node)), [4, 3, 3, 4, 6, 6]);
        assert_eq!((tree.above(2), tree.above(5), tree.above(0)), (vec![0, 1], vec![4], vec![]));
        let mut paths = tree.paths();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), tree.len(), "each node has its own");
    }

    #[test]
    fn what_matches_below_what_matches_counts_once() {
        let tree = tree();
        assert!((tree.matched("a") - 0.5).abs() < 1e-9);
        assert!((tree.matched("b") - 0.65).abs() < 1e-9);
        assert!((tree.matched("other") - 0.5).abs() < 1e-9);
        assert!(tree.matched("nothing") < 1e-9);
    }

    #[test]
    fn a_change_is_one_of_shares() {
        let tree = tree();
        assert!(tree.change(0).unwrap().abs() < 1e-9);
        assert!((tree.change(1).unwrap() + 0.25).abs() < 1e-9);
        let nothing = FrameTree { all_before: Some(Cost::default()), ..tree.clone() };
        assert_eq!(nothing.change(0), None, "where there was nothing, all would be new");
        let alone = FrameTree { all_before: None, own_before: vec![], total_before: vec![], ..tree };
        assert_eq!(alone.change(0), None);
    }

    #[test]
    fn a_sample_type_is_its_text() {
        let cpu = SampleType::new("cpu", "nanoseconds");
        assert_eq!(cpu.to_string().parse(), Ok(cpu.clone()));
        assert_eq!(serde_json::to_string(&cpu).unwrap(), r#""cpu:nanoseconds""#);
        assert_eq!("wall:".parse(), Ok(SampleType::new("wall", "")));
        assert_eq!("".parse::<SampleType>(), Err(NoSampleType));
        assert!(SampleType::new("inuse_space", "bytes").is_snapshot() && !cpu.is_snapshot());
    }
}
