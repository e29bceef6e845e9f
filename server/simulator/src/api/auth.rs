//! Tokens and rights: an administrator, and a reader with the rights that Binnacle documents.

use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::target::Target;
use super::{Answer, Api, Call, answer};
use crate::error::Refusal;
use crate::random;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Everything, and faults spare it.
    Admin,
    /// Reads what Binnacle documents.
    Reader,
}

/// The tokens.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    /// The administrator's.
    pub(crate) admin: String,
    /// The reader's.
    pub(crate) reader: String,
}

/// What the reader may read.
const READABLE: [&str; 16] = [
    "pods",
    "pods/log",
    "nodes",
    "nodes/metrics",
    "nodes/stats",
    "services",
    "configmaps",
    "events",
    "namespaces",
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "controllerrevisions.apps",
    "jobs.batch",
    "cronjobs.batch",
];
const READABLE_TOO: [&str; 17] = [
    "endpointslices.discovery.k8s.io",
    "events.events.k8s.io",
    "rollouts.argoproj.io",
    "ingresses.networking.k8s.io",
    "networkpolicies.networking.k8s.io",
    "httproutes.gateway.networking.k8s.io",
    "poddisruptionbudgets.policy",
    "horizontalpodautoscalers.autoscaling",
    "verticalpodautoscalers.autoscaling.k8s.io",
    "scaledobjects.keda.sh",
    "persistentvolumeclaims",
    "persistentvolumes",
    "serviceaccounts",
    "roles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io",
    "clusterroles.rbac.authorization.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
];

impl Tokens {
    /// From the seed, so that a restarted simulator knows its clients.
    pub(crate) fn new(seed: u64) -> Self {
        let token = |name: &str| random::digest(&format!("{name} {seed}"))[..32].to_owned();
        Self { admin: token("admin"), reader: token("reader") }
    }

    /// Who asks, by the head of a request.
    pub(crate) fn who(&self, headers: &HeaderMap) -> Result<Who, Refusal> {
        let value = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        match value.strip_prefix("Bearer ") {
            Some(token) if token == self.admin => Ok(Who::Admin),
            Some(token) if token == self.reader => Ok(Who::Reader),
            _ => Err(Refusal::new(401, "Unauthorized", "Unauthorized")),
        }
    }
}

impl Api {
    /// Refuses who has no right to a node's `metrics` or `stats`, as a kubelet does that asks the API server.
    pub(crate) fn may_read_node(&self, who: Who, node: &str, right: &str) -> Result<(), Refusal> {
        let revoked = &self.controls.get().revoked;
        if who == Who::Admin || !revoked.contains(&format!("nodes/{right}")) {
            return Ok(());
        }
        let message =
            format!("Forbidden (user=binnacle, verb=get, resource=nodes, subresource(s)=[{right}], name={node})");
        Err(Refusal::new(403, "Forbidden", message))
    }
}

impl Call {
    /// Refuses what who asks has no right to.
    pub(super) fn may(&self, target: &Target) -> Result<(), Refusal> {
        let verb = match self.method {
            Method::GET if !target.name.is_empty() => "get",
            Method::GET if self.query.flag("watch") => "watch",
            Method::GET => "list",
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            _ => "delete",
        };
        let (plural, sub) = (target.plural.as_str(), target.sub.split('/').next().unwrap_or_default());
        let resource = if sub.is_empty() { plural.to_owned() } else { format!("{plural}/{sub}") };
        if self.allows(verb, &target.group, &resource, &target.namespace) {
            return Ok(());
        }
        let scope = if target.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace \"{}\"", target.namespace)
        };
        let name = if target.name.is_empty() { String::new() } else { format!(" \"{}\"", target.name) };
        let message = format!(
            "{}{name} is forbidden: User \"system:serviceaccount:binnacle:binnacle\" cannot {verb} resource \
             \"{resource}\" in API group \"{}\" {scope}",
            target.resource(),
            target.group,
        );
        Err(Refusal::new(403, "Forbidden", message))
    }

    /// Rights come before existence: a reader is not told that there is nothing he may not see.
    pub(super) fn unknown(&self, path: &str, refusal: Refusal) -> Refusal {
        let may_list = |(group, plural, namespace): (&str, &str, &str)| self.allows("list", group, plural, namespace);
        if self.who == Who::Admin || readable(path).is_some_and(may_list) {
            return refusal;
        }
        let user = "system:serviceaccount:binnacle:binnacle";
        Refusal::new(403, "Forbidden", format!("forbidden: User \"{user}\" cannot get path \"{path}\""))
    }

    /// Whether who asks may do this in a namespace, or in all of them where it is empty.
    fn allows(&self, verb: &str, group: &str, resource: &str, namespace: &str) -> bool {
        if self.who == Who::Admin {
            return true;
        }
        let (plural, sub) = resource.split_once('/').unwrap_or((resource, ""));
        let mut name = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
        if !sub.is_empty() && sub != "status" {
            name = format!("{name}/{sub}");
        }
        let readable = READABLE.contains(&name.as_str()) || READABLE_TOO.contains(&name.as_str());
        let reads = matches!(verb, "get" | "list" | "watch");
        let confined = &self.faults.confined;
        let is_within = confined.is_empty() || confined.iter().any(|allowed| allowed == namespace);
        is_within && reads && readable && !self.faults.revoked.contains(&name)
    }

    /// `SelfSubjectAccessReview`.
    pub(super) fn review(&self, what: &str, body: &[u8]) -> Result<Answer, Refusal> {
        if what != "selfsubjectaccessreviews" || self.method != Method::POST {
            return Err(super::target::no_such_path());
        }
        let mut review: Value = serde_json::from_slice(body).map_err(|error| Refusal::bad(error.to_string()))?;
        let asked = &review["spec"]["resourceAttributes"];
        let part = |name: &str| asked[name].as_str().unwrap_or_default();
        let resource = match part("subresource") {
            "" => part("resource").to_owned(),
            sub => format!("{}/{sub}", part("resource")),
        };
        let allowed = self.allows(part("verb"), part("group"), &resource, part("namespace"));
        let reason = if allowed { "RBAC: allowed by ClusterRoleBinding \"binnacle\"" } else { "" };
        review["status"] = json!({"allowed": allowed, "reason": reason});
        review["metadata"] = json!({"creationTimestamp": null});
        Ok(answer::json(201, &review))
    }
}

/// Group, plural and namespace of a path to objects, of whatever version.
fn readable(path: &str) -> Option<(&str, &str, &str)> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group, rest) = match parts[..] {
        ["api", _, ref rest @ ..] => ("", rest),
        ["apis", group, _, ref rest @ ..] => (group, rest),
        _ => return None,
    };
    match rest {
        ["namespaces", namespace, plural, ..] => Some((group, plural, namespace)),
        [plural, ..] => Some((group, plural, "")),
        [] => None,
    }
}
