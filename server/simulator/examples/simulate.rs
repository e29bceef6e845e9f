//! Runs a simulator by hand: `simulate [otlp endpoint] [pods] [services] [nodes] [churn]`; writes a kubeconfig.

use std::io::Write;

use simulator::{Options, Simulator};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(0);
    let otlp = arguments.first().filter(|text| text.starts_with("http")).cloned();
    let (pods, services, nodes, churn) = (number(1), number(2), number(3), f64::from(number(4)));
    let started = std::time::Instant::now();
    let simulator = Simulator::start(Options { otlp, pods, services, nodes, churn, ..Options::default() }).await?;
    let path = std::env::temp_dir().join(format!("simulated-{}.kubeconfig", std::process::id()));
    std::fs::write(&path, simulator.kubeconfig())?;
    let (admin, _) = simulator.tokens();
    let address = simulator.address();
    writeln!(
        std::io::stdout(),
        "KUBECONFIG={} http://{address} admin {admin} ready in {:?}",
        path.display(),
        started.elapsed()
    )?;
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
    });
    Ok(simulator.run(shutdown).await?)
}
