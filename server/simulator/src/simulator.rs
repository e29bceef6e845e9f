//! A simulator that is bound and ready, and what it does while it runs.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api::{Api, Tokens};
use crate::faults::Controls;
use crate::fleet::Fleet;
use crate::objects::Objects;
use crate::options::Options;
use crate::otlp::Endpoint;
use crate::sender::Sender;
use crate::serve::{always, bind, serve};
use crate::traffic::Traffic;
use crate::world::World;
use crate::{Error, kubelet, synthetic, time};

/// Nodes of the scenario have a kubelet each, up to so many.
const KUBELETS: u32 = 16;
/// The cluster looks around so often.
const TICK: Duration = Duration::from_millis(100);

/// A simulated cluster, bound and ready.
#[derive(Debug)]
pub struct Simulator {
    api: Arc<Api>,
    listener: TcpListener,
    address: SocketAddr,
    kubelets: Vec<(String, TcpListener)>,
    world: Mutex<World>,
    endpoint: watch::Sender<Option<Endpoint>>,
    past: Vec<(Timestamp, Fleet)>,
    opening: Timestamp,
    options: Options,
}

impl Simulator {
    /// Builds the cluster with its past, and listens. It answers once it runs.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let endpoint = options.otlp.as_deref().map(Endpoint::parse).transpose()?;
        let listener = bind(options.listen).await?;
        let address = listener.local_addr().map_err(|source| Error::Listen { address: options.listen, source })?;
        let mut kubelets = Vec::new();
        for index in 0..options.scenario.nodes.min(KUBELETS) {
            let kubelet = bind(SocketAddr::new(options.listen.ip(), 0)).await?;
            kubelets.push((format!("node-{}", index + 1), kubelet));
        }
        let ports: Vec<u16> =
            kubelets.iter().filter_map(|(_, kubelet)| Some(kubelet.local_addr().ok()?.port())).collect();
        let objects = Arc::new(Objects::new(options.seed));
        let scenario = Arc::new(options.scenario.clone());
        let mut world = World::new(objects.clone(), scenario.clone(), options.seed);
        let opening = time::now(0);
        world.live(opening, &ports);
        synthetic::fill(&objects, &options);
        let past = world.fleets().to_vec();
        let controls = Controls::new(options.seed, objects.clone());
        let (tokens, first_read) = (Tokens::new(options.seed), kubelet::FirstRead::default());
        let api = Arc::new(Api { objects, tokens, controls, scenario, opening, first_read });
        let (world, endpoint) = (Mutex::new(world), watch::Sender::new(endpoint));
        Ok(Self { api, listener, address, kubelets, world, endpoint, past, opening, options })
    }

    /// A kubeconfig: its current context is a reader's with the rights that Binnacle documents, the other one,
    /// `simulated-admin`, an administrator's, whom faults spare.
    pub fn kubeconfig(&self) -> String {
        let who = [("simulated", &self.api.tokens.reader), ("simulated-admin", &self.api.tokens.admin)];
        let contexts =
            who.map(|(name, _)| format!("- name: {name}\n  context: {{cluster: simulated, user: {name}}}\n"));
        let users = who.map(|(name, token)| format!("- name: {name}\n  user: {{token: {token}}}\n"));
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: simulated\nclusters:\n- name: simulated\n  cluster: \
             {{server: \"http://{}\"}}\ncontexts:\n{}users:\n{}",
            self.address,
            contexts.concat(),
            users.concat()
        )
    }

    /// Where the API server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The administrator's token and the reader's.
    pub fn tokens(&self) -> (String, String) {
        (self.api.tokens.admin.clone(), self.api.tokens.reader.clone())
    }

    /// The handle to what goes wrong.
    pub fn controls(&self) -> Controls {
        self.api.controls.clone()
    }

    /// Sends traces to another endpoint from now on: `http://host:port`.
    pub fn set_otlp(&self, endpoint: &str) -> Result<(), Error> {
        let endpoint = Endpoint::parse(endpoint)?;
        self.endpoint.send_replace(Some(endpoint));
        Ok(())
    }

    /// Runs until the token is cancelled.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let Self { api, listener, kubelets, world, endpoint, past, opening, options, .. } = self;
        let mut tasks = tokio::task::JoinSet::new();
        for (node, kubelet) in kubelets {
            let (api, controls) = (api.clone(), api.controls.clone());
            let handle = move |request: http::Request<hyper::body::Incoming>| {
                let answer = kubelet::answer(&api, &node, request.headers(), request.uri());
                async move { always(answer) }
            };
            tasks.spawn(serve(kubelet, controls, shutdown.clone(), handle));
        }
        let (fleets, newest) = watch::channel(past);
        let traffic = Traffic::new(api.scenario.clone(), options.seed, options.rate);
        let (first_read, past) = (api.first_read.subscribe(), options.past.min(3_600.0));
        let sender = Sender::new(traffic, endpoint.subscribe(), newest, first_read, opening, past);
        tasks.spawn(until(shutdown.clone(), async move { sender.run().await }));
        let controls = api.controls.clone();
        tasks.spawn(until(shutdown.clone(), async move { controls.repeat().await }));
        let ticking = api.clone();
        tasks.spawn(until(shutdown.clone(), async move { tick(&ticking, world, &fleets, options.churn).await }));
        let answering = api.clone();
        let handle = move |request| answering.clone().handle(request);
        serve(listener, api.controls.clone(), shutdown, handle).await;
        while tasks.join_next().await.is_some() {}
        Ok(())
    }
}

async fn until(shutdown: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = shutdown.cancelled() => {}
    }
}

/// The cluster lives; never ends.
async fn tick(api: &Api, world: Mutex<World>, fleets: &watch::Sender<Vec<(Timestamp, Fleet)>>, churn: f64) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut churner = synthetic::Churner::new(&api.objects, churn);
    let mut minute = 0;
    loop {
        ticks.tick().await;
        let now = time::now(api.controls.skew());
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance(now);
        if now.0 / time::MINUTE != minute {
            minute = now.0 / time::MINUTE;
            world.expire_events();
            world.forget_fleets(time::after(now, -60 * time::MINUTE));
        }
        if fleets.borrow().last().map(|(since, _)| *since) != world.fleets().last().map(|(since, _)| *since) {
            fleets.send_replace(world.fleets().to_vec());
        }
        drop(world);
        churner.churn(&api.objects, now);
    }
}
