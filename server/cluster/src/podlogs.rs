//! Logs of pods by the API server's log stream: of pods that do not send their own. A limited number of streams
//! is shared out by service; each continues where it stopped, so that nothing comes twice.

mod join;
mod places;
mod plan;
mod stream;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::Client;
use model::{ClusterId, LogCoverage, LogGap, MINUTE, PodState, ServiceId, Timestamp};
use store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use places::Places;
use plan::{Plan, Rules, Target, plan};

/// How often it is looked which pods there are: after so many times what the last look took, but within these bounds.
const LOOK: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(20));
const PAUSE: u32 = 100;
/// A pod that sent logs by OTLP so lately sends its own.
const OWN: i64 = 10 * MINUTE;

/// What is followed of a cluster, and where it is told how much that is.
pub(crate) struct Collector {
    pub(crate) client: Client,
    pub(crate) cluster: ClusterId,
    pub(crate) store: Store,
    /// Streams at once.
    pub(crate) streams: u32,
    /// Only pods of these namespaces; all where there are none.
    pub(crate) namespaces: Vec<String>,
    pub(crate) coverage: watch::Sender<LogCoverage>,
}

impl Collector {
    /// Follows the logs of the cluster's pods until shutdown.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut streams: HashMap<Target, (DropGuard, JoinHandle<()>)> = HashMap::new();
        let (places, collector) = (Places::default(), Arc::new(self));
        let mut pause = Duration::ZERO;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            // Of fifty thousand pods it takes a while, in which no thread that answers others may be held.
            let (planning, known) = (Arc::clone(&collector), places.clone());
            let planned = tokio::task::spawn_blocking(move || {
                let began = Instant::now();
                (planning.plan(&known), began.elapsed())
            });
            let plan = match planned.await {
                Ok((plan, took)) => {
                    pause = (took * PAUSE).clamp(LOOK.0, LOOK.1);
                    plan
                }
                Err(error) => {
                    tracing::error!(%error, "which logs are to be read could not be found out, will try again");
                    pause = LOOK.1;
                    continue;
                }
            };
            let wanted: HashSet<&Target> = plan.targets.iter().collect();
            // What ended by itself and is wanted again begins anew.
            streams.retain(|target, (_, reader)| wanted.contains(target) && !reader.is_finished());
            for (target, read_to) in places.keep(&plan) {
                if let Some(gap) = collector.end_of(&target, read_to) {
                    tokio::spawn(stream::mark(collector.store.clone(), target, gap));
                }
            }
            for target in plan.targets {
                let (client, store) = (collector.client.clone(), collector.store.clone());
                let places = places.clone();
                streams.entry(target).or_insert_with_key(|target| {
                    let token = shutdown.child_token();
                    let (stop, target) = (token.clone(), target.clone());
                    let reader = tokio::spawn(async move {
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = stream::follow(client, store, target, places) => {}
                        }
                    });
                    (token.drop_guard(), reader)
                });
            }
        }
    }

    /// What is to be followed now; tells how much that is.
    fn plan(&self, places: &Places) -> Plan {
        let (now, store) = (crate::run::now(), &self.store);
        let directory = store.directory();
        let services = directory.services().filter(|service| service.id.cluster == self.cluster.0);
        let pods = services.flat_map(|service| directory.pods(&service.id));
        let rules = Rules {
            most: self.streams,
            namespaces: &self.namespaces,
            sends: |pod: &PodState| store.last_sent_log(&pod.service, &pod.id).is_some_and(|at| now.since(at) < OWN),
            refused: &places.refused(),
            ended: &places.ended(),
            since: now.plus(-stream::LOOK_BACK),
            now,
        };
        let mut plan = plan(pods.map(|pod| &**pod), &rules);
        for (service, lines) in places.left_out() {
            plan.coverage.entry(service).or_default().left_out = lines;
        }
        self.tell(std::mem::take(&mut plan.coverage));
        plan
    }

    fn tell(&self, coverage: HashMap<Arc<ServiceId>, LogCoverage>) {
        let mut sum = LogCoverage { streams: self.streams, ..LogCoverage::default() };
        coverage.values().for_each(|of_service| sum += *of_service);
        self.store.keep_log_coverage(&self.cluster, coverage);
        self.coverage.send_if_modified(|known| std::mem::replace(known, sum) != sum);
    }

    /// What is missing of a pod's log that was not read to its end; nothing where the pod is there and only its place
    /// was given to another.
    fn end_of(&self, target: &Target, read_to: Timestamp) -> Option<LogGap> {
        let directory = self.store.directory();
        let pod = directory.pods(&target.service).iter().find(|pod| pod.id == target.uid);
        let to = match pod {
            Some(pod) => pod.ended?,
            None => crate::run::now(),
        };
        let reason = "stream was lost, and the pod is gone".into();
        Some(LogGap { from: read_to, to: to.max(read_to), reason })
    }
}
