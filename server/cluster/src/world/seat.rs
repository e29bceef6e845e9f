//! A pod and what was said of it.

use std::sync::Arc;

use model::PodState;

use crate::identity::Key;
use crate::slim::Pod;

/// A pod and what was said of it.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) pod: Pod,
    pub(crate) service: Option<Key>,
    /// What was recorded last: the store's directory has the same copy.
    pub(crate) told: Option<Arc<PodState>>,
}
