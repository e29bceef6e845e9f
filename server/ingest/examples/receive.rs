//! Receivers and a store without all else, for a profile of the way in:
//! `cargo run --release -p ingest --example receive -- DATA GRPC HTTP`, where DATA is a directory and the others are
//! addresses. Ends with its standard input.

use std::io::Read;
use std::path::PathBuf;

use ingest::{Ingest, Limits, serve_grpc, serve_http};
use model::DAY;
use store::{Config, Keep, Store};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

/// As many threads as the server has.
#[tokio::main(worker_threads = 4)]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [data, grpc, http] = args.as_slice() else { return Err("usage: receive DATA GRPC HTTP".into()) };
    let keep = Keep { age: 7 * DAY, bytes: 100 << 30 };
    let store = Store::open(Config { path: PathBuf::from(data), raw: keep, summaries: keep }).await?;
    let (grpc, http) = (TcpListener::bind(grpc).await?, TcpListener::bind(http).await?);
    let (ingest, shutdown) = (Ingest::new(store.clone(), Limits::default()), CancellationToken::new());
    let receivers = [
        tokio::spawn(serve_grpc(grpc, ingest.clone(), shutdown.clone())),
        tokio::task::spawn(serve_http(http, ingest, shutdown.clone())),
    ];
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    shutdown.cancel();
    for receiver in receivers {
        receiver.await??;
    }
    store.close().await?;
    Ok(())
}
