//! Sends what traffic there was and is: the past hour as quickly as it is taken, then every second its own.

use std::time::Duration;

use model::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::fleet::Fleet;
use crate::otlp::{self, Endpoint, Sent};
use crate::time::{self, SECOND};
use crate::traffic::{Batch, Traffic, fleet_at, request, thinning};

/// A request carries at most so many seconds of the past.
const CHUNK: i64 = 60;
/// So many requests of the past are under way.
const UNDER_WAY: usize = 3;
/// More requests of the past than this are thinned; what is sent says for how many it stands.
const MOST: f64 = 150_000.0;

/// Sends traffic.
#[derive(Debug)]
pub(crate) struct Sender {
    traffic: std::sync::Arc<Traffic>,
    endpoint: watch::Receiver<Option<Endpoint>>,
    fleets: watch::Receiver<Vec<(Timestamp, Fleet)>>,
    /// The next second that is sent.
    next: i64,
    opening: i64,
    thin: u32,
}

impl Sender {
    /// Sends from so many seconds before the opening.
    pub(crate) fn new(
        traffic: Traffic,
        endpoint: watch::Receiver<Option<Endpoint>>,
        fleets: watch::Receiver<Vec<(Timestamp, Fleet)>>,
        opening: Timestamp,
        past: f64,
    ) -> Self {
        let opening = opening.0 / SECOND;
        let thin = thinning(traffic.rate(), past, MOST);
        Self { traffic: traffic.into(), endpoint, fleets, next: opening - past as i64, opening, thin }
    }

    /// Sends; never ends.
    pub(crate) async fn run(mut self) {
        if self.endpoint.wait_for(Option::is_some).await.is_err() || self.traffic.rate() <= 0.0 {
            return std::future::pending().await;
        }
        let mut under_way = JoinSet::new();
        loop {
            // A request is sent whole, so a second is over a while before it goes.
            let last = time::now(0).0 / SECOND - 5;
            let past = self.next < self.opening;
            let end = (self.next + CHUNK).min(last).min(if past { self.opening } else { i64::MAX });
            if end <= self.next || (!past && end - self.next < 2) {
                tokio::time::sleep(Duration::from_millis(500)).await;
                continue;
            }
            while under_way.len() >= UNDER_WAY {
                under_way.join_next().await;
            }
            let (seconds, thin) = (self.next..end, if past { self.thin } else { 0 });
            let (traffic, fleets) = (self.traffic.clone(), self.fleets.borrow().clone());
            let packed = tokio::task::spawn_blocking(move || {
                let mut batch = Batch::new();
                for second in seconds {
                    if let Some(fleet) = fleet_at(&fleets, Timestamp(second * SECOND)) {
                        traffic.second(second, fleet, thin, &mut batch);
                    }
                }
                (!batch.is_empty()).then(|| otlp::pack(&request(traffic.scenario(), batch)))
            });
            self.next = end;
            if let Ok(Some(body)) = packed.await {
                under_way.spawn(deliver(self.endpoint.clone(), body));
            }
        }
    }
}

/// Sends until it is taken or refused for good.
async fn deliver(endpoint: watch::Receiver<Option<Endpoint>>, body: bytes::Bytes) {
    let mut pause = Duration::from_millis(200);
    for _ in 0..40 {
        let Some(target) = endpoint.borrow().clone() else { return };
        match otlp::send(&target, body.clone()).await {
            Sent::Taken => return,
            Sent::Refused(status) => return tracing::warn!(status, "traces were refused"),
            Sent::Later => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}
