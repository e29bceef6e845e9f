//! The binary: parse, open, spawn, serve. Each step is one call.

mod api;
mod auth;
mod backend;
mod check;
mod config;
mod data;
mod demo;
mod gate;
mod guard;
mod http;
mod jobs;
mod leaks;
mod live;
mod memory;
mod metrics;
mod readiness;
mod receivers;
mod room;
mod serve;
mod shutdown;
mod simulate;
mod site;
mod telemetry;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;

use crate::backend::Answers;
use crate::config::{Args, Config, Work};
use crate::data::Data;
use crate::shutdown::Shutdown;
#[cfg(test)]
use store::fixtures;

/// The exit code of a command line that is none, as in sysexits.h: clap's own is a verdict's "too little data".
const USAGE: u8 = 64;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // What could not be printed has no other way out.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    // Small pods have one CPU, where tokio's default of one worker stalls streams.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    let outcome = runtime.context("could not start the runtime").and_then(|runtime| runtime.block_on(run(args)));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("binnacle: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match Work::try_from(args)? {
        Work::Serve(config) => Box::pin(serve(*config)).await?,
        Work::Simulate(flags) => Box::pin(simulate::run(flags)).await?,
        Work::Check(config) => return Box::pin(check::run(*config)).await,
        Work::Rbac(namespaces) => print_all(&cluster::roles(&namespaces))?,
        Work::Verdict(ask) => return Ok(tokio::task::spawn_blocking(move || gate::run(&ask)).await?),
    }
    Ok(ExitCode::SUCCESS)
}

fn print_all(text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    std::io::stdout().write_all(text.as_bytes()).context("could not print")
}

async fn serve(config: Config) -> anyhow::Result<()> {
    telemetry::start(&config.log)?;
    tracing::info!(config = %config, "starting");
    let shutdown = Shutdown::on_signals()?;
    let mut clusters = config.clusters()?;
    let is_demo = config.is_demo(&clusters);
    let listeners = receivers::bind(&config).await?;
    let named = config.data.as_deref();
    let data = if is_demo { Data::of_demo(named) } else { Data::kept(named) }?;
    let stop = shutdown.token();
    let store = tokio::select! {
        store = store::Store::open(config.store(data.path())) => store?,
        // What was opened so far is as it was found.
        () = stop.cancelled() => return shutdown.finish().await,
    };
    let memory = config.memory_limit.or_else(memory::of_container);
    let ingest = ingest::Ingest::new(store.clone(), memory::share(config.limits(), memory));
    let readiness = readiness::Readiness::new(store.clone());

    room::spawn(data.path(), config.disk_reserve, &store, &shutdown);
    memory::spawn(memory, &store, &shutdown);
    receivers::spawn(listeners.otlp, &ingest, &shutdown);
    if is_demo {
        clusters = demo::start(data.path(), listeners.otlp_http, &shutdown).await?;
    }
    let live = jobs::spawn_clusters(clusters, &config, &store, &shutdown);
    jobs::spawn_maintenance(&store, &shutdown);
    jobs::spawn_verdicts(&store, &shutdown);
    leaks::spawn(&store, &shutdown);

    let answers = Arc::new(Answers::new(store.clone(), ingest, listeners.addresses, is_demo).with(live));
    let site = site::unpack(data.path())?;
    let router = http::router(&config, &site, answers, &store, readiness, &shutdown);
    tracing::info!("open http://{}", listeners.ui.local_addr()?);
    serve::serve(listeners.ui, router, shutdown.token()).await;

    let ended = shutdown.finish().await;
    store.close().await.context("could not close the store")?;
    ended
}
