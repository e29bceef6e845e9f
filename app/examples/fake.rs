//! The pages with the tests' fake backend behind them: `cargo leptos build --frontend-only --split`, then
//! `cargo run -p app --features ssr --example fake -- 127.0.0.1:7799 [more services] [more spans]`.

#[path = "../tests/fake/mod.rs"]
#[allow(dead_code)]
mod fake;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures::{Stream, StreamExt, stream};
use leptos::config::LeptosOptions;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:7799".into());
    let mut number = || arguments.next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let shop = fake::Fake { extra: number(), spans: number(), ..fake::Fake::default() };
    let root = std::env::var("LEPTOS_SITE_ROOT").unwrap_or_else(|_| "target/site".into());
    let options = LeptosOptions::builder().output_name("binnacle").site_root(root).site_pkg_dir("pkg").build();
    let site = app::router(options, Arc::new(shop)).route("/live", get(async || Sse::new(ticks())));
    axum::serve(tokio::net::TcpListener::bind(address).await?, site).await
}

/// A tick of every topic in turn, always as of the same instant.
fn ticks() -> impl Stream<Item = Result<Event, Infallible>> {
    let topics = stream::iter(["status", "cluster", "telemetry"]).cycle();
    topics.then(async |topic| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let data = format!(r#"{{"topic":"{topic}","as_of":"{}"}}"#, fake::AS_OF.0);
        Ok(Event::default().event("tick").data(data))
    })
}
