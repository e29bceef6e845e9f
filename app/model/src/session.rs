//! Who asks.

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
