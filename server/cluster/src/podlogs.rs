//! Logs of pods by the API server's log stream: of pods that do not send their own. A limited number of streams
//! is shared out by service; each continues where it stopped, so that nothing comes twice.

mod join;
mod plan;
mod stream;

use std::collections::HashMap;
use std::time::Duration;

use kube::Client;
use model::{ClusterId, MINUTE, PodState};
use store::Store;
use tokio_util::sync::{CancellationToken, DropGuard};

use plan::{Target, plan};

/// How often it is looked which pods there are.
const LOOK: Duration = Duration::from_secs(5);
/// A pod that sent logs by OTLP so lately sends its own.
const OWN: i64 = 10 * MINUTE;

/// Follows the logs of a cluster's pods until shutdown, at most so many at once.
pub(crate) async fn collect(client: Client, cluster: ClusterId, store: Store, most: u32, shutdown: CancellationToken) {
    let mut streams: HashMap<Target, DropGuard> = HashMap::new();
    let places = stream::Places::default();
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = tick.tick() => {}
        }
        let now = crate::run::now();
        let directory = store.directory();
        let pods = directory.services().filter(|service| service.id.cluster == cluster.0);
        let pods = pods.flat_map(|service| directory.pods(&service.id));
        let sends = |pod: &PodState| store.last_sent_log(&pod.service, &pod.id).is_some_and(|at| now.since(at) < OWN);
        let wanted = plan(pods.map(|pod| &**pod), sends, most as usize);
        streams.retain(|target, _| wanted.contains(target));
        places.keep(&wanted);
        for target in wanted {
            let (client, store, places) = (client.clone(), store.clone(), places.clone());
            streams.entry(target).or_insert_with_key(|target| {
                let token = shutdown.child_token();
                let (stop, target) = (token.clone(), target.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = stream::follow(client, store, target, places) => {}
                    }
                });
                token.drop_guard()
            });
        }
    }
}
