//! Interim.
use std::sync::Arc;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use model::*;
use tokio::sync::broadcast;
use crate::meta::Meta;
use crate::*;
pub(crate) struct Partitions;
impl Partitions {
    pub(crate) async fn open(_: &Config, _: Arc<Meta>, _: Arc<ArcSwap<Directory>>, _: broadcast::Sender<Change>) -> Result<Arc<Self>, Error> { Ok(Arc::new(Self)) }
    pub(crate) async fn close(&self) -> Result<(), Error> { Ok(()) }
    pub(crate) fn status(&self) -> StoreStatus { StoreStatus::default() }
    pub(crate) async fn maintain(&self, _: Timestamp) -> Result<(), Error> { Ok(()) }
}
#[async_trait]
impl Telemetry for Partitions {
    async fn append_spans(&self, _: SpanBatch) -> Result<Appended, Error> { unimplemented!() }
    async fn trace(&self, _: TraceId) -> Result<Vec<StoredSpan>, Error> { unimplemented!() }
    async fn red(&self, _: RedQuery) -> Result<Vec<RedRow>, Error> { unimplemented!() }
    async fn errors(&self, _: &ServiceId, _: Window, _: Step) -> Result<Vec<ErrorCells>, Error> { unimplemented!() }
    async fn unattributed(&self, _: Window) -> Result<Vec<Unattributed>, Error> { unimplemented!() }
    async fn last_request(&self, _: &ServiceId) -> Result<Option<Timestamp>, Error> { unimplemented!() }
}
