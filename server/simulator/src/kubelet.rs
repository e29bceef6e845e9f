//! What kubelets answer: metrics, and the lines of containers.

pub(crate) mod logs;
pub(crate) mod metrics;
