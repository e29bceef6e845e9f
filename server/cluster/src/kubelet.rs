//! What containers use, from the kubelets: each is asked directly on its own port, never through the API server,
//! whose proxy would allow to run commands in pods.

mod batch;
mod cadvisor;
mod client;
mod metric;
mod plan;
mod pods;
mod readings;
mod scrape;
mod summary;
mod tally;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::{ClusterId, KubeletStatus, MINUTE, PodState, Text};
use store::Store;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use batch::Memory;
use client::{Asker, Endpoint};
pub(crate) use plan::Target;
use plan::Turn;
use pods::Pods;
use scrape::{Scrape, Scraped};
use tally::Tally;

use crate::Source;

/// How kubelets are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Each is asked so often.
    pub interval: Duration,
    /// Whatever certificate a kubelet has is accepted.
    pub insecure_tls: bool,
    /// Who signs the kubelets' certificates, as a file in PEM; the cluster's authority where nothing is said.
    pub authority: Option<PathBuf>,
}

/// It is looked so often who is due.
const TICK: Duration = Duration::from_millis(250);
/// It is looked so often which pods there are.
const LOOK: Duration = Duration::from_secs(5);
/// So many are asked at once.
const AT_ONCE: usize = 32;
/// Whoever could not be set up is tried again so often.
const AGAIN: Duration = Duration::from_secs(60);
/// A pod whose metrics somebody else sent so lately is left to them.
const OWN: i64 = 5 * MINUTE;

/// Asks kubelets once, and says how many answer and what the others do not.
pub(crate) async fn probe(source: &Source, options: &Options, targets: &[Target]) -> Result<KubeletStatus, String> {
    let asker = Asker::new(source, options).await?;
    let mut tally = Tally::default();
    tally.keep(targets);
    for target in targets {
        let mut troubles = Vec::new();
        for endpoint in [Endpoint::Cadvisor, Endpoint::Summary] {
            troubles.extend(asker.get(target, endpoint, |_| {}).await.err());
        }
        troubles.dedup();
        tally.note(target.clone(), troubles.is_empty(), troubles);
    }
    Ok(tally.status())
}

/// What a collector works with.
pub(crate) struct Collector {
    pub(crate) source: Source,
    pub(crate) options: Options,
    pub(crate) cluster: ClusterId,
    pub(crate) store: Store,
    /// The kubelets that there are.
    pub(crate) targets: watch::Receiver<Vec<Target>>,
    /// How they answer.
    pub(crate) status: watch::Sender<KubeletStatus>,
}

/// What is known of a kubelet.
struct Known {
    turn: Turn,
    /// Nothing while it is asked.
    memory: Option<Memory>,
}

impl Collector {
    /// Reads kubelets until shutdown.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.collect() => {}
        }
    }

    async fn collect(mut self) {
        let asker = self.asker().await;
        let mut known: BTreeMap<Target, Known> = BTreeMap::new();
        let mut pods: HashMap<Text, Arc<Pods>> = HashMap::new();
        let (mut tally, mut under_way) = (Tally::default(), JoinSet::new());
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looked: Option<Instant> = None;
        loop {
            let is_tick = tokio::select! {
                _ = tick.tick() => true,
                Some(Ok(scraped)) = under_way.join_next() => {
                    self.scraped(scraped, &mut known, &mut tally);
                    false
                }
            };
            let now = Instant::now();
            if looked.is_none_or(|at| now.duration_since(at) >= LOOK) {
                looked = Some(now);
                pods = self.pods();
                let targets = self.targets.borrow_and_update().clone();
                plan::change(&mut known, &targets, |target| Known {
                    turn: Turn::first(&target.node, now, self.options.interval),
                    memory: Some(Memory::default()),
                });
                tally.keep(&targets);
            }
            // Whoever has waited longest comes first: where there are too many, all come less often.
            let mut due: Vec<_> = known.iter_mut().filter(|(_, known)| known.turn.due <= now).collect();
            due.sort_by_key(|(_, known)| known.turn.due);
            for (target, known) in due {
                if under_way.len() >= AT_ONCE {
                    break;
                }
                let Some(memory) = known.memory.take() else { continue };
                let scrape = Scrape {
                    asker: asker.clone(),
                    store: self.store.clone(),
                    cluster: self.cluster.clone(),
                    pods: self.own(pods.get(&*target.node)),
                    target: target.clone(),
                    memory,
                };
                under_way.spawn(scrape.run());
            }
            if is_tick {
                self.tell(tally.status());
            }
        }
    }

    fn tell(&self, status: KubeletStatus) {
        self.status.send_if_modified(|known| {
            let changed = *known != status;
            *known = status;
            changed
        });
    }

    /// Tries until credentials and authority can be read.
    async fn asker(&self) -> Asker {
        loop {
            match Asker::new(&self.source, &self.options).await {
                Ok(asker) => return asker,
                Err(reason) => {
                    tracing::warn!(cluster = self.source.name(), reason, "kubelets can't be asked");
                    self.status.send_replace(KubeletStatus { off: Some(reason), ..KubeletStatus::default() });
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn scraped(&self, scraped: Scraped, known: &mut BTreeMap<Target, Known>, tally: &mut Tally) {
        let Some(known) = known.get_mut(&scraped.target) else { return };
        let (now, interval) = (Instant::now(), self.options.interval);
        known.turn =
            if scraped.answered { known.turn.answered(now, interval) } else { known.turn.failed(now, interval) };
        known.memory = Some(scraped.memory);
        tally.note(scraped.target, scraped.answered, scraped.troubles);
    }

    fn pods(&self) -> HashMap<Text, Arc<Pods>> {
        let directory = self.store.directory();
        let services = directory.services().filter(|service| service.id.cluster == self.cluster.0);
        pods::by_node(services.flat_map(|service| directory.pods(&service.id)))
    }

    /// Pods of a node whose metrics nobody else sends.
    fn own(&self, pods: Option<&Arc<Pods>>) -> Pods {
        let now = crate::run::now();
        let sends = |pod: &PodState| {
            let last = self.store.last_sent_container_metric(&pod.service, &pod.id);
            last.is_some_and(|at| now.since(at) < OWN)
        };
        pods.map(|pods| pods.without(sends)).unwrap_or_default()
    }
}
