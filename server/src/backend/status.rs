//! The status page: Binnacle's own state.

use app::AppError;
use model::{HOUR, StatusPage, Viewer, Window};

use super::{Answers, failed};

/// Everything it knows of itself.
pub(super) async fn page(answers: &Answers, _viewer: &Viewer) -> Result<StatusPage, AppError> {
    let hour = Window::before(crate::jobs::now(), HOUR);
    Ok(StatusPage {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: answers.started,
        clusters: answers.store.cluster_statuses(),
        ingest: answers.ingest.status(),
        unattributed: answers.store.telemetry().unattributed(hour).await.map_err(failed)?,
        store: answers.store.status().await.map_err(failed)?,
        receivers: answers.receivers.clone(),
    })
}
