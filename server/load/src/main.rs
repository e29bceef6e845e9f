//! Sends seeded telemetry of the common shape to any OTLP receiver, as fast as it is taken or at a rate, and prints
//! what was acknowledged as JSON: what `make bench` measures with. Knows nothing of Binnacle.
//!
//! `data` (what is sent) → `send` (requests under way, again where they were not taken) → `client` (HTTP/1.1 or
//! gRPC) → `report`.

mod client;
mod data;
mod endpoint;
mod random;
mod report;
mod send;

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;

use crate::client::Protocol;
use crate::data::Signal;
use crate::endpoint::Endpoint;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sends seeded telemetry of the common shape to an OTLP receiver and prints what was acknowledged
#[derive(Debug, Clone, Parser)]
#[command(name = "load")]
struct Args {
    /// Where the receiver is; of OTLP/HTTP with what stands before `/v1/…`, of gRPC without a path
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// How it is sent
    #[arg(long, value_enum, default_value = "grpc")]
    protocol: Protocol,
    /// What is sent
    #[arg(long, value_enum, default_value = "spans")]
    signal: Signal,
    /// Records in all; the last request is a full one
    #[arg(long, default_value_t = 1_000_000, value_name = "NUMBER")]
    count: u64,
    /// Records a request
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(8..=100_000), value_name = "NUMBER")]
    batch: u32,
    /// Services that send; of metrics there are always four
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(4..=100_000), value_name = "NUMBER")]
    services: u32,
    /// The same seed gives the same records, but for their times
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
    /// Connections, each with one request under way
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1_024), value_name = "NUMBER")]
    connections: u32,
    /// Records a second [default: as fast as they are taken]
    #[arg(long, value_name = "NUMBER")]
    rate: Option<u32>,
    /// The records' times cover so many seconds before now, in the order in which they are sent
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    past: u32,
    /// A request that is not taken for so many seconds ends the run
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    patience: u64,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let endpoint = Endpoint::parse(&args.endpoint)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let plan = send::Plan {
        endpoint,
        protocol: args.protocol,
        connections: args.connections,
        rate: args.rate.map(f64::from),
        patience: Duration::from_secs(args.patience),
    };
    let data = data::Shape {
        signal: args.signal,
        requests: args.count.div_ceil(u64::from(args.batch)).max(1),
        batch: args.batch as usize,
        services: args.services as usize,
        seed: args.seed,
        past: Duration::from_secs(u64::from(args.past)),
    };
    let report = runtime.context("could not start the runtime")?.block_on(send::run(plan, data))?;
    let text = serde_json::to_string(&report)?;
    writeln!(std::io::stdout(), "{text}").context("could not print")
}
