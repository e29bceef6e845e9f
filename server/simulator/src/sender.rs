//! Sends what traffic there was and is: the past hour as quickly as it is taken, its newest minutes first, and
//! meanwhile and from then on every second its own.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::fleet::Fleet;
use crate::kubelet::past::{self, Served};
use crate::otlp::{self, Endpoint, Packed, Sent};
use crate::time::{self, SECOND};
use crate::traffic::{Batch, Traffic, fleet_at, lines, profiles, request, thinning};

/// A request carries at most so many seconds: a commit costs the receiver more than its bytes.
const CHUNK: i64 = 120;
/// So many requests are under way, so that one is made while another is stored.
const UNDER_WAY: usize = 3;
/// A request is sent whole, so a second is over a while before it goes.
const BEHIND: i64 = 5;
/// More requests of the past than this are thinned; what is sent says for how many it stands.
const MOST: f64 = 150_000.0;

/// So many seconds of what kubelets measured are in a request.
const READ: i64 = 600;
/// The last seconds of it wait until somebody else reads the kubelet: a receiver that is sent something fresh again and
/// again leaves it to the sender.
const HELD: i64 = 75;

/// Sends traffic, and what kubelets measured.
#[derive(Debug)]
pub(crate) struct Sender {
    traffic: Arc<Traffic>,
    endpoint: watch::Receiver<Option<Endpoint>>,
    fleets: watch::Receiver<Vec<(Timestamp, Fleet)>>,
    first_read: watch::Receiver<BTreeMap<String, Timestamp>>,
    opening: Timestamp,
    past: f64,
}

impl Sender {
    /// Sends from so many seconds before the opening.
    pub(crate) fn new(
        traffic: Traffic,
        endpoint: watch::Receiver<Option<Endpoint>>,
        fleets: watch::Receiver<Vec<(Timestamp, Fleet)>>,
        first_read: watch::Receiver<BTreeMap<String, Timestamp>>,
        opening: Timestamp,
        past: f64,
    ) -> Self {
        Self { traffic: traffic.into(), endpoint, fleets, first_read, opening, past }
    }

    /// The second of the opening.
    fn opened(&self) -> i64 {
        self.opening.0 / SECOND
    }

    /// Sends; never ends.
    pub(crate) async fn run(self) {
        let mut known = self.endpoint.clone();
        if known.wait_for(Option::is_some).await.is_err() || self.traffic.rate() <= 0.0 {
            return std::future::pending().await;
        }
        tokio::join!(self.send_past(), self.send_present(), self.send_measured());
    }

    /// What kubelets measured before the opening, and of each node what they did until somebody reads it.
    async fn send_measured(&self) {
        let (mut first_read, mut done) = (self.first_read.clone(), BTreeSet::new());
        let late = self.opened() - HELD;
        for seconds in newest_first(self.opened() - self.past as i64, late, READ) {
            self.send_read(seconds, |_| true, &BTreeMap::new()).await;
        }
        loop {
            let first = first_read.borrow_and_update().clone();
            let new: BTreeSet<String> = first.keys().filter(|node| !done.contains(*node)).cloned().collect();
            if !new.is_empty() {
                let is_new = |one: &Served| new.contains(one.node());
                let until = time::now(0).0 / SECOND + 1;
                self.send_read(late..until, is_new, &first).await;
                done.extend(new);
            }
            if first_read.changed().await.is_err() {
                return;
            }
        }
    }

    async fn send_read(
        &self,
        seconds: Range<i64>,
        is_wanted: impl Fn(&Served) -> bool,
        first: &BTreeMap<String, Timestamp>,
    ) {
        let request = {
            let mut all = past::served(self.traffic.scenario(), &self.fleets.borrow(), self.opening);
            all.retain(is_wanted);
            let span = seconds.start * SECOND..seconds.end * SECOND;
            past::request(self.traffic.scenario(), &all, &span, |node| first.get(node).copied())
        };
        if let Some(request) = request {
            deliver(self.endpoint.clone(), otlp::metrics(&request)).await;
        }
    }

    async fn send_past(&self) {
        let thin = thinning(self.traffic.rate(), self.past, MOST);
        let mut under_way = JoinSet::new();
        for seconds in newest_first(self.opened() - self.past as i64, self.opened(), CHUNK) {
            self.send(seconds, thin, &mut under_way).await;
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn send_present(&self) {
        let mut under_way = JoinSet::new();
        let mut next = self.opened();
        loop {
            let end = (time::now(0).0 / SECOND - BEHIND).min(next + CHUNK);
            if end - next < 2 {
                tokio::time::sleep(Duration::from_millis(500)).await;
                continue;
            }
            self.send(next..end, 0, &mut under_way).await;
            next = end;
        }
    }

    /// Makes the requests of some seconds and sends them beside what is under way.
    async fn send(&self, seconds: Range<i64>, thin: u32, under_way: &mut JoinSet<()>) {
        while under_way.len() >= UNDER_WAY {
            under_way.join_next().await;
        }
        let (traffic, fleets, endpoint) = (self.traffic.clone(), self.fleets.borrow().clone(), self.endpoint.clone());
        under_way.spawn(async move {
            let made = tokio::task::spawn_blocking(move || make(&traffic, &fleets, seconds, thin));
            if let Ok(Some(bodies)) = made.await {
                for body in bodies {
                    deliver(endpoint.clone(), body).await;
                }
            }
        });
    }
}

/// The traffic of some seconds as bodies, where there is any: its spans, its lines, and profiles of who served.
fn make(traffic: &Traffic, fleets: &[(Timestamp, Fleet)], seconds: Range<i64>, thin: u32) -> Option<Vec<Packed>> {
    let mut batch = Batch::new();
    for second in seconds.clone() {
        if let Some(fleet) = fleet_at(fleets, Timestamp(second * SECOND)) {
            traffic.second(second, fleet, thin, &mut batch);
        }
    }
    (!batch.is_empty()).then(|| {
        let logs = otlp::logs(&lines(traffic.scenario(), &batch));
        let fleet = fleet_at(fleets, Timestamp(seconds.start * SECOND));
        let profiles = fleet.and_then(|fleet| profiles(traffic.scenario(), fleet, &seconds));
        let mut all = vec![otlp::traces(&request(traffic.scenario(), batch)), logs];
        all.extend(profiles.as_ref().map(otlp::profiles));
        all
    })
}

/// Stretches from `from` to `to`, the last first.
fn newest_first(from: i64, to: i64, length: i64) -> impl Iterator<Item = Range<i64>> {
    std::iter::successors(Some(to), move |end| Some(end - length))
        .take_while(move |end| *end > from)
        .map(move |end| (end - length).max(from)..end)
}

/// Sends until it is taken or refused for good.
async fn deliver(endpoint: watch::Receiver<Option<Endpoint>>, body: Packed) {
    let mut pause = Duration::from_millis(200);
    for _ in 0..40 {
        let Some(target) = endpoint.borrow().clone() else { return };
        match otlp::send(&target, &body).await {
            Sent::Taken => return,
            Sent::Refused(status) => return tracing::warn!(status, "telemetry was refused"),
            Sent::Later => tokio::time::sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_cut_from_its_end_and_nothing_is_left_out() {
        let cut: Vec<_> = newest_first(10, 300, 120).collect();
        assert_eq!(cut, [180..300, 60..180, 10..60]);
        assert_eq!(newest_first(5, 5, 120).count(), 0);
    }
}
