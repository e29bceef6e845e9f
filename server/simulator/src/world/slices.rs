//! EndpointSlices: which pods a Service leads to.

use serde_json::{Value, json};

use super::{World, is_active, is_ready, owner_reference};
use crate::kind::Kind;
use crate::object::{Key, Object, text, uid};
use crate::objects::Ask;
use crate::select::Selector;

impl World {
    /// The Services that select a pod.
    pub(super) fn services_of(&self, namespace: &str, pod: &Value) -> impl Iterator<Item = Key> {
        let ask = Ask { namespace, ..Ask::default() };
        let services = self.objects.list(Kind::Service, &ask).map(|page| page.items).unwrap_or_default();
        let selects = |service: &Object| {
            let selector = &service.plain_value()?["spec"]["selector"];
            Some(selector.is_object() && Selector::of_labels(selector).matches(pod))
        };
        let chosen: Vec<Key> =
            services.iter().filter(|one| selects(one) == Some(true)).map(|one| one.key.clone()).collect();
        chosen.into_iter()
    }

    /// Keeps a Service's slice in step.
    pub(super) fn slices(&mut self, object: &Object) {
        let service = object.value(Kind::Service);
        if !service["spec"]["selector"].is_object() {
            return;
        }
        let selector = Selector::of_labels(&service["spec"]["selector"]);
        let ask = Ask { namespace: &object.key.namespace, selector, ..Ask::default() };
        let pods = self.objects.list(Kind::Pod, &ask).map(|page| page.items).unwrap_or_default();
        let pods = pods.iter().filter_map(|pod| pod.plain_value()).filter(|pod| !text(pod, "/status/podIP").is_empty());
        let endpoint = |pod: &Value| {
            let leaves = pod.pointer("/metadata/deletionTimestamp").is_some();
            json!({
                "addresses": [text(pod, "/status/podIP")], "nodeName": text(pod, "/spec/nodeName"),
                "conditions": {"ready": is_ready(pod) && !leaves, "serving": is_ready(pod), "terminating": leaves},
                "targetRef": {"kind": "Pod", "namespace": text(pod, "/metadata/namespace"),
                    "name": text(pod, "/metadata/name"), "uid": uid(pod)},
            })
        };
        let gone = |pod: &&Value| is_active(pod) || pod.pointer("/metadata/deletionTimestamp").is_some();
        let endpoints: Vec<Value> = pods.filter(gone).map(endpoint).collect();
        let name = &object.key.name;
        let key = Key::new(&object.key.namespace, &format!("{name}-{}", crate::random::safe_hash(name.as_bytes(), 5)));
        if self.objects.modify(Kind::EndpointSlice, &key, |slice| slice["endpoints"] = json!(endpoints)).is_some() {
            return;
        }
        let slice = json!({
            "metadata": {"name": &*key.name, "namespace": &*key.namespace, "generateName": format!("{name}-"),
                "labels": {"kubernetes.io/service-name": &**name,
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
                "ownerReferences": owner_reference(Kind::Service, &service)},
            "addressType": "IPv4", "endpoints": endpoints, "ports": service["spec"]["ports"],
        });
        // It is not there: it was looked for above.
        let _ = self.objects.create(Kind::EndpointSlice, slice);
    }
}
