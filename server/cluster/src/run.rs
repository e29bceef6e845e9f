//! The task that owns one cluster: connects, starts the watchers, feeds the world and hands records to the store.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kube::Client;
use model::{KubeletStatus, LogCoverage, Timestamp, WatchState};
use store::{ClusterRecord, Store};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::kind::Kind;
use crate::live::Live;
use crate::redact::{Redactor, Values};
use crate::rights::Problem;
use crate::status::Board;
use crate::text::Text;
use crate::watch::{self as watching, Message, Post, Said};
use crate::world::{Scope, Settled, World};
use crate::{Error, Source};
use crate::{connect, kubelet, podlogs};

/// Changes are gathered for so long.
const GATHER: Duration = Duration::from_millis(100);
/// Even when nothing is heard, time passes for what waits.
const TICK: Duration = Duration::from_secs(1);
/// Versions are stored as soon as there are so many.
const MANY_VERSIONS: usize = 256;
/// Messages that wait for the owner.
const QUEUE: usize = 32;
/// Old things are dropped this often.
const SWEEP: i64 = 10 * model::MINUTE;

/// What of a cluster is watched, and how its values are kept.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these namespaces, without any request for the whole cluster; none means all.
    pub namespaces: Vec<String>,
    /// What is done with values.
    pub values: Values,
    /// Logs of pods that are followed at once; none where it is 0.
    pub log_streams: u32,
    /// Only of pods of these namespaces; of all where there are none.
    pub log_namespaces: Vec<String>,
    /// How kubelets are read; nothing where they are not.
    pub kubelets: Option<kubelet::Options>,
    /// Where the cluster is told of once it can be asked for single objects.
    pub live: Live,
}

/// What is watched.
pub(crate) fn scopes(options: &Options) -> Vec<Scope> {
    if options.namespaces.is_empty() {
        return Kind::ALL.into_iter().map(|kind| (kind, None)).collect();
    }
    let mut namespaces = options.namespaces.clone();
    namespaces.sort();
    namespaces.dedup();
    let kinds = || Kind::ALL.into_iter().filter(|kind| kind.is_namespaced());
    namespaces
        .iter()
        .flat_map(|namespace| kinds().map(move |kind| (kind, Some(Text::from(namespace.as_str())))))
        .collect()
}

/// The time now; the one place where it is asked for.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Watches a cluster until shutdown. A cluster that does not answer is *connecting*, with the reason, and tried again;
/// the store knows of it when this returns, before the first poll, so that no page is drawn as if there were none.
pub fn run(
    source: Source,
    options: Options,
    store: Store,
    shutdown: CancellationToken,
) -> impl Future<Output = Result<(), Error>> + Send {
    let mut board = Board::new(source.name());
    publish(&mut board, &store, |_| 0);
    watch_cluster(board, source, options, store, shutdown)
}

async fn watch_cluster(
    mut board: Board,
    source: Source,
    options: Options,
    store: Store,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let connecting = connect::connect(&source, &options, |reason| {
        board.unreachable(reason);
        publish(&mut board, &store, |_| 0);
    });
    let connected = tokio::select! {
        connected = connecting => connected,
        () = shutdown.cancelled() => return Ok(()),
    };
    let cluster = store.cluster_id(source.name(), &connected.ids).await?;
    let memory = store.memory(&cluster).await?;
    let scopes = scopes(&options);
    board.answered(&cluster.0, &scopes, now());
    let redactor = Redactor::new(store.salt(), options.values);
    options.live.answered(&cluster.0, connected.client.clone(), redactor.clone());
    let world = World::new(cluster, redactor, memory, scopes.iter().cloned());
    tracing::info!(cluster = source.name(), watchers = scopes.len(), "connected");
    if let Some(reason) = off(&options) {
        board.kubelets(KubeletStatus { off: Some(reason.into()), ..KubeletStatus::default() });
    }
    let mut owner = Owner {
        source,
        kubelets: options.kubelets.filter(|_| options.namespaces.is_empty()),
        targets: watch::Sender::default(),
        nodes_changed: false,
        world,
        board,
        store,
        scopes,
        client: connected.client,
        logs: (options.log_streams, options.log_namespaces),
        wake: Arc::default(),
        hurry: Arc::default(),
        swept: now(),
    };
    Box::pin(owner.run(shutdown)).await
}

/// Why no kubelet is read, where none is.
fn off(options: &Options) -> Option<&'static str> {
    if options.kubelets.is_none() {
        return Some("Kubelets are not asked what containers use (--kubelets=off)");
    }
    let whole = options.namespaces.is_empty();
    (!whole).then_some("Kubelets are not asked what containers use: with --namespace nothing of a whole node is read")
}

fn publish(board: &mut Board, store: &Store, objects: impl Fn(&Scope) -> u64) {
    if let Some(status) = board.publish(now(), objects) {
        store.set_cluster_status(status);
    }
}

struct Owner {
    source: Source,
    kubelets: Option<kubelet::Options>,
    targets: watch::Sender<Vec<kubelet::Target>>,
    nodes_changed: bool,
    world: World,
    board: Board,
    store: Store,
    scopes: Vec<Scope>,
    client: Client,
    /// Streams of logs at once, and the namespaces whose pods have them.
    logs: (u32, Vec<String>),
    wake: Arc<Notify>,
    /// Rings when a knock at the cluster should not wait.
    hurry: Arc<Notify>,
    swept: Timestamp,
}

impl Owner {
    async fn run(&mut self, shutdown: CancellationToken) -> Result<(), Error> {
        let (sender, mut receiver) = mpsc::channel(QUEUE);
        let mut tasks = JoinSet::new();
        for (place, scope) in self.scopes.iter().enumerate() {
            let (client, wake) = (self.client.clone(), self.wake.clone());
            let (scope, length, sender) = (scope.clone(), self.source.watch(), sender.clone());
            tasks.spawn(watching::watch(Post { client, scope, place, length, sender, wake }));
        }
        let (knocked, mut knocks) = mpsc::channel(1);
        tasks.spawn(connect::knock(self.client.clone(), knocked, self.hurry.clone()));
        drop(sender);
        let (coverage, mut covered) = watch::channel(LogCoverage::default());
        let (streams, namespaces) = std::mem::take(&mut self.logs);
        let (client, cluster, store) = (self.client.clone(), self.world.cluster().clone(), self.store.clone());
        let collector = podlogs::Collector { client, cluster, store, streams, namespaces, coverage };
        tasks.spawn(collector.run(shutdown.child_token()));
        let (told, mut kubelets) = watch::channel(KubeletStatus::default());
        if let Some(options) = self.kubelets.take() {
            let (source, cluster, store) = (self.source.clone(), self.world.cluster().clone(), self.store.clone());
            let targets = self.targets.subscribe();
            let collector = kubelet::Collector { source, options, cluster, store, targets, status: told };
            tasks.spawn(collector.run(shutdown.child_token()));
        }
        loop {
            publish(&mut self.board, &self.store, |scope| self.world.count(scope));
            tokio::select! {
                () = shutdown.cancelled() => break,
                message = receiver.recv() => match message {
                    Some(message) => self.gather(message, &mut receiver).await?,
                    None => break,
                },
                Some(knock) = knocks.recv() => self.knocked(knock),
                Ok(()) = kubelets.changed() => self.board.kubelets(kubelets.borrow_and_update().clone()),
                Ok(()) = covered.changed() => self.board.logs(*covered.borrow_and_update()),
                () = tokio::time::sleep(TICK) => {}
            }
            self.settle(&shutdown).await?;
        }
        tasks.shutdown().await;
        // What was heard last is still recorded.
        self.settle(&shutdown).await
    }

    /// Takes what comes within a short while, so that one record holds it all.
    async fn gather(&mut self, first: Message, receiver: &mut mpsc::Receiver<Message>) -> Result<(), Error> {
        let end = tokio::time::Instant::now() + GATHER;
        let mut next = Some(first);
        while let Some(message) = next {
            self.take(message);
            if self.world.versions_waiting() >= MANY_VERSIONS {
                self.store_versions().await?;
            }
            next = tokio::time::timeout_at(end, receiver.recv()).await.unwrap_or(None);
        }
        Ok(())
    }

    fn take(&mut self, (place, said): Message) {
        let now = now();
        let denied = matches!(self.board.state(place), Some(WatchState::Forbidden { .. }));
        self.board.said(place, &said, now);
        let scope = &self.scopes[place];
        self.nodes_changed |= scope.0 == Kind::Node;
        match said {
            Said::Begun => self.world.begin(scope.clone()),
            Said::Listed(objects) => self.world.stage(scope, objects, now),
            Said::Done => self.world.finish(scope, now),
            Said::Applied(object) => self.world.apply(object, now),
            Said::Deleted(object) => self.world.delete(&object, now),
            Said::Failed(problem @ (Problem::Forbidden | Problem::Absent)) => {
                if problem == Problem::Forbidden && !denied {
                    tracing::warn!(
                        resource = scope.0.resource(),
                        namespace = scope.1.as_deref(),
                        "not allowed to list and watch"
                    );
                }
                match problem {
                    Problem::Absent => self.world.absent(scope),
                    _ => self.world.forbidden(scope),
                }
            }
            Said::Failed(problem) => tracing::debug!(resource = scope.0.resource(), ?problem, "watch failed"),
            Said::Quiet => self.hurry.notify_one(),
        }
    }

    fn knocked(&mut self, knock: Result<(), String>) {
        match knock {
            Ok(()) => {
                if self.board.is_failing() {
                    self.wake.notify_waiters();
                }
                self.board.heard(now());
            }
            Err(reason) => self.board.silent(&reason, now()),
        }
    }

    async fn store_versions(&mut self) -> Result<(), Error> {
        let mut record = ClusterRecord::new(self.world.cluster().clone());
        record.versions = self.world.take_versions();
        if record.is_empty() { Ok(()) } else { record_until(&self.store, record, None).await }
    }

    async fn settle(&mut self, shutdown: &CancellationToken) -> Result<(), Error> {
        let now = now();
        if std::mem::take(&mut self.nodes_changed) {
            let targets = self.world.kubelets();
            self.targets.send_if_modified(|known| {
                let changed = *known != targets;
                *known = targets;
                changed
            });
        }
        let mut settled = self.world.settle(now);
        settled.record.versions = self.world.take_versions();
        if !settled.questions.is_empty() {
            let texts = self.texts(&settled).await?;
            self.world.answer(&mut settled, &texts);
        }
        if !settled.record.is_empty() {
            record_until(&self.store, settled.record, Some(shutdown)).await?;
        }
        if now.since(self.swept) > SWEEP {
            self.swept = now;
            self.world.sweep(now);
        }
        Ok(())
    }

    /// The texts of versions that are asked for: from what is about to be stored, else from the store.
    async fn texts(&self, settled: &Settled) -> Result<HashMap<String, String>, Error> {
        let mut texts: HashMap<String, String> = HashMap::new();
        for question in &settled.questions {
            for hash in [&question.from, &question.to] {
                if texts.contains_key(hash) {
                    continue;
                }
                let waiting = settled
                    .record
                    .versions
                    .iter()
                    .find(|version| version.hash == *hash)
                    .map(|version| version.text.clone());
                let text = match waiting {
                    Some(text) => Some(text),
                    None => self.store.version(hash).await?,
                };
                texts.extend(text.map(|text| (hash.clone(), text)));
            }
        }
        Ok(texts)
    }
}

/// Records; a store that is busy is asked again, since what was said is not said again.
async fn record_until(store: &Store, record: ClusterRecord, shutdown: Option<&CancellationToken>) -> Result<(), Error> {
    let mut pause = Duration::from_millis(100);
    loop {
        match store.record(&record).await {
            Ok(()) => return Ok(()),
            Err(error) if shutdown.is_some_and(CancellationToken::is_cancelled) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "what the cluster said could not be recorded, trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(10));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_namespaces_nothing_is_asked_of_the_whole_cluster() {
        let options = Options { namespaces: vec!["b".into(), "a".into(), "b".into()], ..Options::default() };
        let scopes = scopes(&options);
        assert!(scopes.iter().all(|(kind, namespace)| namespace.is_some() && kind.is_namespaced()));
        let namespaced = Kind::ALL.into_iter().filter(|kind| kind.is_namespaced()).count();
        assert_eq!(scopes.len(), 2 * namespaced);
    }
}
