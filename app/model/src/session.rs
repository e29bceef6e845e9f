//! Who asks, and what kind of installation answers.

use serde::{Deserialize, Serialize};

/// The person asking. Every question carries one from the first day, so that rights can be checked where the
/// answer is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    /// The name shown for them: `local` without sign-in, what a trusted proxy says otherwise.
    pub name: String,
}

impl Viewer {
    /// The one person of an installation without sign-in.
    pub fn local() -> Self {
        Self { name: "local".into() }
    }
}

/// What is served is the demo: what there is to try in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demo {
    /// The tour, in order.
    pub stops: Vec<Stop>,
}

/// Something to try in the demo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The question that is answered there.
    pub question: String,
    /// What has happened.
    pub story: String,
    /// The path of the page.
    pub path: String,
}
