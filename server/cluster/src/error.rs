//! What can go wrong, as far as a caller branches on it.

/// Why a cluster can't be watched at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A kubeconfig or context is not usable; the sentence says which and what to do.
    #[error("{0}")]
    Configuration(String),
    /// The store failed.
    #[error("store: {0}")]
    Store(#[from] store::Error),
}
