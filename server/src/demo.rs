//! The demo: a simulated shop beside the server. It is met as any cluster is, through a kubeconfig and the normal
//! receivers; nothing but the banner knows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use anyhow::Context;
use simulator::{Options, Simulator};

use crate::shutdown::Shutdown;

/// Starts the shop, whose traces go to the receiver, and says how to watch it.
pub(crate) async fn start(
    data: &Path,
    receiver: SocketAddr,
    shutdown: &Shutdown,
) -> anyhow::Result<Vec<cluster::Source>> {
    let otlp = Some(format!("http://{}", reachable(receiver)));
    let simulator = Simulator::start(Options { otlp, ..Options::default() }).await?;
    let kubeconfig = data.join("demo.kubeconfig");
    std::fs::write(&kubeconfig, simulator.kubeconfig())
        .with_context(|| format!("could not write {}", kubeconfig.display()))?;
    let clusters = cluster::sources(Some(&kubeconfig), &[])?;
    let token = shutdown.token();
    shutdown.spawn("simulated cluster", async move { Ok(simulator.run(token).await?) });
    Ok(clusters)
}

/// Where a listener is reached from here.
fn reachable(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_on_every_address_is_reached_on_loopback() {
        let reached = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:4318"), "127.0.0.1:4318");
        assert_eq!(reached("[::]:4318"), "[::1]:4318");
        assert_eq!(reached("10.0.0.7:4318"), "10.0.0.7:4318");
    }
}
