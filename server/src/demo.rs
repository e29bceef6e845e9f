//! The demo: a simulated shop beside the server. It is met as any cluster is, through a kubeconfig and the normal
//! receivers; nothing but the banner knows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use anyhow::Context;
use model::{Demo, Stop};
use simulator::{Options, Simulator};
use store::Directory;

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

/// What there is to try in the shop: namespace, name and tab of the page, the question, the story. What happened in
/// the hour before anybody looked stays as it was: two stops lead to deploys of then.
const TOUR: [(&str, &str, &str, &str, &str); 3] = [
    (
        "payments",
        "payments",
        "deploys?deploy=3",
        "Did this deploy cause the errors?",
        "payments got a new card gateway, and checkouts timed out. Each deploy stands beside what it did.",
    ),
    (
        "platform",
        "notifications",
        "kubernetes",
        "Which pod fails, and why?",
        "A rollout of notifications could not start. Its pods say which restarted and how they ended.",
    ),
    (
        "shop",
        "search",
        "deploys?deploy=3",
        "What changed, if not the image?",
        "search became slow, and its version stayed. The diff shows the one value that did not.",
    ),
];

/// The tour, with links to the services as far as they are known yet.
pub(crate) fn tour(directory: &Directory) -> Demo {
    let stops = TOUR.map(|(namespace, name, tab, question, story)| {
        let mut services = directory.services();
        let known = services.find(|service| service.id.namespace == namespace && service.id.name == name);
        let path = known.map_or_else(|| format!("/?q={name}"), |service| format!("{}/{tab}", service.id.path()));
        Stop { question: question.into(), story: story.into(), path }
    });
    Demo { stops: stops.into() }
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
