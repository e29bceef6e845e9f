//! `binnacle simulate`: only the simulated cluster, as a process of its own, for trying things on it.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use simulator::{Faults, Options, Scenario, Simulator};

use crate::shutdown::Shutdown;
use crate::telemetry;

/// How the simulated cluster is made.
#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    /// The same seed gives the same cluster
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
    /// Services beside the scenario's
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    services: u32,
    /// Pods beside the scenario's
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    pods: u32,
    /// Nodes beside the scenario's
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    nodes: u32,
    /// Changes a second of the pods beside the scenario's
    #[arg(long, default_value_t = 0.0, value_name = "NUMBER")]
    churn: f64,
    /// Every so many seconds all history is forgotten, so that all is listed anew; 0 for never
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS")]
    gone_every: f64,
    /// Requests a second that the scenario's services get from outside
    #[arg(long, default_value_t = 20.0, value_name = "NUMBER")]
    rate: f64,
    /// Where traces go, as OTLP over HTTP: http://127.0.0.1:4318 [default: nowhere]
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// What runs and what happens: `shop`, `idle`, or a file in JSON
    #[arg(long, default_value = "shop", value_name = "FILE")]
    scenario: PathBuf,
    /// Address of the API server; kubelets listen beside it
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where the kubeconfig is written [default: a temporary file]
    #[arg(long, value_name = "FILE")]
    kubeconfig_out: Option<PathBuf>,
}

/// Runs the simulated cluster until a signal.
pub(crate) async fn run(flags: Simulate) -> anyhow::Result<()> {
    for (flag, number) in [("--rate", flags.rate), ("--churn", flags.churn), ("--gone-every", flags.gone_every)] {
        ensure!(number.is_finite() && number >= 0.0, "{flag} {number} is not a number from 0 on");
    }
    telemetry::start("info")?;
    let shutdown = Shutdown::on_signals()?;
    let simulator = Simulator::start(Options {
        seed: flags.seed,
        listen: flags.listen,
        services: flags.services,
        pods: flags.pods,
        nodes: flags.nodes,
        rate: flags.rate,
        churn: flags.churn,
        scenario: scenario(&flags.scenario)?,
        otlp: flags.otlp,
        ..Options::default()
    })
    .await?;
    simulator.controls().set(Faults { gone_every: flags.gone_every, ..Faults::default() });
    let (path, _temporary) = write(flags.kubeconfig_out, &simulator.kubeconfig())?;
    // Whoever started this may have gone; the cluster runs on.
    let _ = writeln!(std::io::stdout(), "KUBECONFIG={}", path.display());
    simulator.run(shutdown.token()).await?;
    Ok(())
}

fn scenario(name: &Path) -> anyhow::Result<Scenario> {
    match name.to_str() {
        Some("shop") => Ok(Scenario::shop()),
        Some("idle") => Ok(Scenario::idle()),
        _ => {
            let said = || format!("can't use --scenario {}: name shop, idle or a file in JSON", name.display());
            let text = std::fs::read_to_string(name).with_context(said)?;
            Scenario::parse(&text).with_context(said)
        }
    }
}

/// Writes the kubeconfig where it was asked for, else to a file that goes with the process.
fn write(path: Option<PathBuf>, text: &str) -> anyhow::Result<(PathBuf, Option<tempfile::TempPath>)> {
    let Some(path) = path else {
        let file = tempfile::Builder::new().prefix("simulated-").suffix(".kubeconfig").tempfile();
        let mut file = file.context("could not make a file for the kubeconfig: name one with --kubeconfig-out")?;
        file.write_all(text.as_bytes()).context("could not write the kubeconfig")?;
        return Ok((file.path().to_owned(), Some(file.into_temp_path())));
    };
    std::fs::write(&path, text).with_context(|| format!("can't write --kubeconfig-out {}", path.display()))?;
    Ok((path, None))
}
