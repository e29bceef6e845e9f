//! The cluster's first forty days: nodes, namespaces, workloads, and the deploys of the weeks before.

use std::collections::BTreeSet;

use model::Timestamp;
use serde_json::{Value, json};

use super::{World, nodes};
use crate::kind::Kind;
use crate::story::Service;
use crate::time::{self, DAY, MINUTE};

impl World {
    /// Builds the cluster and lets it live until `opening`, where somebody looks; `kubelets` are the nodes' ports.
    pub(crate) fn live(&mut self, opening: Timestamp, kubelets: &[u16]) {
        let scenario = self.scenario.clone();
        self.quiet_until = time::after(opening, -60 * MINUTE);
        self.objects.set_now(time::after(opening, -40 * DAY));
        let mut namespaces: BTreeSet<&str> = ["default", "kube-system", "kube-public"].into();
        namespaces.extend(scenario.services.iter().map(|service| service.namespace.as_str()));
        for namespace in namespaces {
            let object = json!({"metadata": {"name": namespace, "labels": {"kubernetes.io/metadata.name": namespace}},
                "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}});
            self.must(Kind::Namespace, object);
        }
        for index in 0..scenario.nodes {
            self.node(index, kubelets.get(index as usize).copied().unwrap_or(10_250));
        }
        for service in &scenario.services {
            self.create_service(service);
        }
        self.advance(time::after(opening, -39 * DAY));
        let most = scenario.services.iter().map(|service| service.tags.len()).max().unwrap_or(1);
        for older in (1..most).rev() {
            for (index, service) in scenario.services.iter().enumerate() {
                if let Some(at) = service.tags.len().checked_sub(older) {
                    let day = older as i64 * 9 * DAY - (index as i64 * 7 % 11) * DAY / 3;
                    self.advance(time::after(opening, -day.max(DAY / 4)).max(self.now()));
                    self.set_tag(&service.id(), &service.tags[at.max(1).min(service.tags.len() - 1)], "");
                }
            }
        }
        self.plan(opening);
        self.advance(time::after(opening, -60 * MINUTE).max(self.now()));
        self.fleet_changed = true;
        self.note_fleet();
        self.advance(opening);
        self.expire_events();
        self.objects.compact();
    }

    fn must(&self, kind: Kind, object: Value) {
        // Nothing is there yet, so nothing is in the way.
        let _ = self.objects.create(kind, object);
    }

    fn node(&mut self, index: u32, port: u16) {
        let name = format!("node-{}", index + 1);
        let size = json!({"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "200Gi"});
        let mut node = json!({
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64", "topology.kubernetes.io/zone": format!("zone-{}", char::from(b'a' + (index % 3) as u8))}},
            "spec": {"podCIDR": format!("10.{}.0.0/24", 200 + index)},
            "status": {"capacity": size, "allocatable": size,
                "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
                "nodeInfo": {"kubeletVersion": "v1.36.0", "kernelVersion": "6.12.0", "osImage": "Simulated Linux",
                    "containerRuntimeVersion": "containerd://2.2.0", "operatingSystem": "linux", "architecture": "amd64"}},
        });
        nodes::ready(&mut node["status"], self.now());
        self.must(Kind::Node, node);
    }

    fn create_service(&mut self, service: &Service) {
        let metadata = |name: &str| {
            json!({"name": name, "namespace": service.namespace, "labels": {"app": service.name,
                "app.kubernetes.io/part-of": "shop"}, "annotations": {}})
        };
        let config = format!("{}-config", service.name);
        self.must(Kind::ConfigMap, json!({"metadata": metadata(&config), "data": service.config}));
        let selector = json!({"app": service.name});
        let template = template(service, &config);
        let Some(kind) = Kind::named(&service.kind) else { return };
        let mut spec = json!({"selector": {"matchLabels": selector}, "template": template});
        match kind {
            Kind::CronJob => {
                let mut template = spec["template"].take();
                template["spec"]["restartPolicy"] = json!("Never");
                spec = json!({"schedule": service.schedule, "jobTemplate": {"spec": {"template": template}}});
            }
            Kind::DaemonSet => {}
            _ => spec["replicas"] = json!(service.replicas),
        }
        if kind == Kind::StatefulSet {
            spec["serviceName"] = json!(service.name);
        }
        let mut workload = json!({"metadata": metadata(&service.name), "spec": spec});
        crate::defaults::fill(kind, &mut workload);
        self.must(kind, workload);
        if matches!(kind, Kind::Deployment | Kind::StatefulSet) {
            let ports = json!([{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}]);
            let service = json!({"metadata": metadata(&service.name), "spec": {"selector": selector, "ports": ports,
                "type": "ClusterIP", "clusterIP": format!("10.96.0.{}", 10 + self.objects.count(Kind::Service))},
                "status": {"loadBalancer": {}}});
            self.must(Kind::Service, service);
        }
    }
}

fn template(service: &Service, config: &str) -> Value {
    let env: Vec<Value> = service.env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let probe = json!({"httpGet": {"path": "/ready", "port": "http", "scheme": "HTTP"}, "periodSeconds": 10,
        "timeoutSeconds": 1, "failureThreshold": 3, "successThreshold": 1});
    let mut limits = json!({"memory": format!("{}Mi", service.memory_limit)});
    if service.cpu_limit > 0.0 {
        limits["cpu"] = json!(format!("{:.0}m", service.cpu_limit * 1_000.0));
    }
    let requests = json!({"cpu": "100m", "memory": format!("{}Mi", service.memory_limit / 2)});
    let (of_container, of_pod) = if service.limited_as_a_whole {
        (json!({"requests": requests}), json!({"requests": requests, "limits": limits}))
    } else {
        (json!({"requests": requests, "limits": limits}), Value::Null)
    };
    let container = json!({
        "name": "app", "image": format!("{}:{}", service.image, service.tags[0]), "env": env,
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "resources": of_container,
        "readinessProbe": probe, "volumeMounts": [{"name": "config", "mountPath": format!("/etc/{}", service.name)}],
    });
    let mut spec = json!({"containers": [container], "volumes": [{"name": "config", "configMap": {"name": config}}]});
    if !of_pod.is_null() {
        spec["resources"] = of_pod;
    }
    json!({
        "metadata": {"labels": {"app": service.name, "app.kubernetes.io/name": service.name}, "annotations": {}},
        "spec": spec,
    })
}
