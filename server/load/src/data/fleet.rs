//! Who sends: services of two pods each, told by ten resource attributes.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::word;

/// Pods of a service.
pub(super) const PODS: usize = 2;

/// See the module.
#[derive(Debug)]
pub(super) struct Fleet {
    /// By service, then by pod.
    resources: Vec<Resource>,
    names: Vec<String>,
}

impl Fleet {
    /// So many services, `service-0` and on, Deployments of the namespace `load`.
    pub(super) fn new(services: usize) -> Self {
        let names: Vec<String> = (0..services).map(|service| format!("service-{service}")).collect();
        let pods = names.iter().flat_map(|name| (0..PODS).map(move |pod| resource(name, pod)));
        Self { resources: pods.collect(), names }
    }

    /// How many services there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// How many pods there are.
    pub(super) fn pods(&self) -> usize {
        self.resources.len()
    }

    /// A service's name.
    pub(super) fn name(&self, service: usize) -> &str {
        &self.names[service]
    }

    /// A pod by its place among those of all services.
    pub(super) fn resource(&self, pod: usize) -> Resource {
        self.resources[pod].clone()
    }
}

/// The library that says it has made the records.
pub(super) fn scope(name: &str) -> Option<InstrumentationScope> {
    Some(InstrumentationScope { name: name.to_owned(), version: "2.11.0".to_owned(), ..Default::default() })
}

fn resource(name: &str, pod: usize) -> Resource {
    let pod_name = format!("{name}-7d9f8b6c5-x{pod}k2p");
    let attributes = vec![
        word("service.name", name),
        word("service.namespace", "load"),
        word("service.version", "1.42.0"),
        word("service.instance.id", format!("load.{pod_name}.app")),
        word("k8s.namespace.name", "load"),
        word("k8s.deployment.name", name),
        word("k8s.pod.name", &pod_name),
        word("k8s.node.name", format!("node-{pod}")),
        word("telemetry.sdk.language", "java"),
        word("telemetry.sdk.name", "opentelemetry"),
    ];
    Resource { attributes, ..Resource::default() }
}
