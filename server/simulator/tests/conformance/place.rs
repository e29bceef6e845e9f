//! The server that is tried, and a namespace of one's own on it.
#![allow(clippy::unwrap_used, reason = "a test may")]

use serde_json::{Value, json};

use crate::support::{Client, Running, idle, simulator};

/// A namespace of its own on the server that is tried.
pub(crate) struct Place {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) simulated: Option<Running>,
}

impl Place {
    pub(crate) async fn new(word: &str) -> Self {
        let simulated = match std::env::var("CONFORMANCE_SERVER") {
            Ok(_) => None,
            Err(_) => Some(simulator(idle()).await),
        };
        let client = match &simulated {
            Some(running) => running.admin.clone(),
            None => {
                let of = |name: &str| std::env::var(name).ok();
                let (server, token) = (of("CONFORMANCE_SERVER").unwrap(), of("CONFORMANCE_TOKEN").unwrap());
                Client::of(&server, &token, of("CONFORMANCE_CA").as_deref())
            }
        };
        let made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": format!("conformance-{word}-")}});
        let made = client.create("/api/v1/namespaces", made).await;
        let namespace = made["metadata"]["name"].as_str().unwrap().to_owned();
        // Pods are refused until their namespace has this account.
        client.until(&format!("/api/v1/namespaces/{namespace}/serviceaccounts/default"), |_| true).await;
        Self { client, namespace, simulated }
    }

    pub(crate) fn maps(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps", self.namespace)
    }

    pub(crate) fn pods(&self) -> String {
        format!("/api/v1/namespaces/{}/pods", self.namespace)
    }

    pub(crate) async fn map(&self, name: &str, labels: Value) -> Value {
        self.client.create(&self.maps(), map(name, labels)).await
    }

    pub(crate) async fn pod(&self, name: &str, node: &str) -> Value {
        let container = json!({"name": "app", "image": "registry.test/app:1"});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}},
            "spec": {"nodeName": node, "containers": [container], "tolerations": [{"operator": "Exists"}]}});
        self.client.create(&self.pods(), pod).await
    }

    /// A watch of the maps that a test makes.
    pub(crate) fn mine(&self, version: &str, more: &str) -> String {
        format!("{}?watch=1&resourceVersion={version}&labelSelector=suite{more}", self.maps())
    }

    pub(crate) async fn done(self) {
        let path = format!("/api/v1/namespaces/{}", self.namespace);
        self.client.send("DELETE", &path, "application/json", None).await.unwrap();
    }
}

pub(crate) fn map(name: &str, labels: Value) -> Value {
    let mut labels = labels;
    labels["suite"] = json!("x");
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {"key": "1"}})
}
