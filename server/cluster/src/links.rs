//! What an object refers to, by which it belongs to services, and its state in words. Pure: reads one document.

use model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::kind::Kind;
use crate::selector::Selector;
use crate::slim::{Instant, Meta};
use crate::text::Text;

/// Something that objects refer to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Link {
    /// A workload: namespace, kind as in the id of a service, name.
    Workload(Text, Text, Text),
    /// A Service: namespace, name.
    Network(Text, Text),
    /// A ServiceAccount: namespace, name.
    Account(Text, Text),
    /// Pods of a namespace, by the selector.
    Pods(Text),
    /// The object itself: kind, namespace, name.
    Itself(Kind, Text, Text),
}

/// What an object says of itself and others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Says {
    /// What it refers to.
    pub(crate) links: Vec<Link>,
    /// Which pods it selects.
    pub(crate) selector: Selector,
    /// The role of a binding, the volume of a claim.
    pub(crate) leads_to: Option<Link>,
    /// In words: `3 of 2–10 replicas`.
    pub(crate) state: String,
    /// Whether that is bad, good, or neither.
    pub(crate) good: Option<bool>,
    /// What hinders an autoscaler.
    pub(crate) hindered: Option<Hindered>,
}

/// What hinders an autoscaler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hindered {
    /// How many pods it may make, where it has made them all and wants more; else it does not know how many it wants.
    pub(crate) most: Option<u64>,
    /// The reason Kubernetes gives.
    pub(crate) reason: Text,
    /// Since when.
    pub(crate) since: Option<Timestamp>,
}

/// What an object of a kind says.
pub(crate) fn says(kind: Kind, meta: &Meta, raw: &Value) -> Says {
    let namespace = &meta.namespace;
    let mut says = match kind {
        Kind::Ingress => ingress(namespace, raw),
        Kind::HttpRoute => route(namespace, raw),
        Kind::NetworkPolicy => policy(namespace, raw),
        Kind::PodDisruptionBudget => budget(namespace, raw),
        Kind::HorizontalPodAutoscaler => autoscaler(namespace, raw),
        Kind::VerticalPodAutoscaler => {
            let mode = raw.pointer("/spec/updatePolicy/updateMode").and_then(Value::as_str).unwrap_or("Auto");
            Says { state: format!("mode {mode}"), ..target(namespace, raw.pointer("/spec/targetRef")) }
        }
        Kind::ScaledObject => scaled(namespace, raw),
        Kind::PersistentVolumeClaim => claim(raw),
        Kind::PersistentVolume => volume(raw),
        Kind::RoleBinding | Kind::ClusterRoleBinding => binding(namespace, &meta.name, raw),
        Kind::Role | Kind::ClusterRole => {
            let rules = list(raw, "rules").count();
            Says { state: if rules == 1 { "1 rule".into() } else { format!("{rules} rules") }, ..Says::default() }
        }
        _ => Says::default(),
    };
    says.links.push(Link::Itself(kind, namespace.clone(), meta.name.clone()));
    says
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn number(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer).and_then(Value::as_u64)
}

fn ingress(namespace: &Text, raw: &Value) -> Says {
    let spec = raw.get("spec").unwrap_or(&Value::Null);
    let paths = list(spec, "rules")
        .flat_map(|rule| rule.pointer("/http/paths").and_then(Value::as_array).into_iter().flatten());
    let backends = paths.filter_map(|path| path.get("backend")).chain(spec.get("defaultBackend"));
    let names = backends.filter_map(|backend| backend.pointer("/service/name").and_then(Value::as_str));
    let hosts = list(spec, "rules").map(|rule| text(rule, "host")).filter(|host| !host.is_empty());
    Says { links: networks(namespace, names), state: joined(hosts.collect(), "any host"), ..Says::default() }
}

fn route(namespace: &Text, raw: &Value) -> Says {
    let spec = raw.get("spec").unwrap_or(&Value::Null);
    let backends = list(spec, "rules").flat_map(|rule| list(rule, "backendRefs"));
    let own = backends.filter(|to| matches!(text(to, "namespace"), "") || text(to, "namespace") == &**namespace);
    let services = own.filter(|to| matches!(text(to, "kind"), "" | "Service"));
    let hosts = list(spec, "hostnames").filter_map(Value::as_str).collect();
    Says {
        links: networks(namespace, services.map(|to| text(to, "name"))),
        state: joined(hosts, "any host"),
        ..Says::default()
    }
}

fn networks<'a>(namespace: &Text, names: impl Iterator<Item = &'a str>) -> Vec<Link> {
    let mut names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| Link::Network(namespace.clone(), name.into())).collect()
}

/// At most three words, then a count.
fn joined(words: Vec<&str>, none: &str) -> String {
    match words.len() {
        0 => none.to_owned(),
        all @ 1..=3 => words[..all].join(", "),
        all => format!("{}, {} more", words[..3].join(", "), all - 3),
    }
}

fn policy(namespace: &Text, raw: &Value) -> Says {
    let spec = raw.get("spec").unwrap_or(&Value::Null);
    let types = list(spec, "policyTypes").filter_map(Value::as_str).collect();
    Says {
        links: vec![Link::Pods(namespace.clone())],
        selector: Selector::of(spec.get("podSelector")),
        state: joined(types, "Ingress"),
        ..Says::default()
    }
}

fn budget(namespace: &Text, raw: &Value) -> Says {
    let allowed = number(raw, "/status/disruptionsAllowed");
    let state = match allowed {
        None => "not judged yet".to_owned(),
        Some(1) => "1 pod may be evicted".to_owned(),
        Some(0) => "no pod may be evicted".to_owned(),
        Some(pods) => format!("{pods} pods may be evicted"),
    };
    let healthy = number(raw, "/status/currentHealthy").zip(number(raw, "/status/desiredHealthy"));
    Says {
        links: vec![Link::Pods(namespace.clone())],
        selector: Selector::of(raw.pointer("/spec/selector")),
        state,
        good: healthy.map(|(healthy, wanted)| healthy >= wanted),
        ..Says::default()
    }
}

/// What scales a workload.
fn target(namespace: &Text, reference: Option<&Value>) -> Says {
    let Some(reference) = reference else { return Says::default() };
    let kind = Some(text(reference, "kind")).filter(|kind| !kind.is_empty()).unwrap_or("Deployment");
    let group = text(reference, "apiVersion").split_once('/').map_or("", |(group, _)| group);
    // A ScaledObject says only the name where it means a Deployment.
    let known =
        Kind::ALL.into_iter().find(|known| known.name() == kind && (group.is_empty() || known.group() == group));
    let kind = known.map_or_else(|| format!("{kind}.{group}").into(), |known| Text::from(known.service_kind()));
    Says { links: vec![Link::Workload(namespace.clone(), kind, text(reference, "name").into())], ..Says::default() }
}

fn autoscaler(namespace: &Text, raw: &Value) -> Says {
    let (least, most) = (number(raw, "/spec/minReplicas").unwrap_or(1), number(raw, "/spec/maxReplicas"));
    let now = number(raw, "/status/currentReplicas").unwrap_or(0);
    let conditions = raw.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let blind = conditions.clone().find(|it| text(it, "type") == "ScalingActive" && text(it, "status") == "False");
    let limited = conditions.clone().find(|condition| {
        text(condition, "type") == "ScalingLimited"
            && text(condition, "status") == "True"
            && text(condition, "reason") == "TooManyReplicas"
    });
    let limited = limited.filter(|_| most.is_some_and(|most| now >= most));
    let range = most.map_or_else(|| format!("{now} replicas"), |most| format!("{now} of {least}–{most} replicas"));
    let hindered = |condition, most| Some(Hindered { most, ..Hindered::by(condition) });
    let (state, good, hindered) = match (blind, limited) {
        // Scaled to nothing on purpose.
        (Some(blind), _) if text(blind, "reason") == "ScalingDisabled" => (format!("{range}, off"), None, None),
        (Some(blind), _) => {
            (format!("{range}, does not scale: {}", text(blind, "reason")), Some(false), hindered(blind, None))
        }
        (None, Some(limited)) => {
            (format!("{range}, at its maximum and wants more"), Some(false), hindered(limited, most))
        }
        (None, None) => (range, Some(true), None),
    };
    Says { state, good, hindered, ..target(namespace, raw.pointer("/spec/scaleTargetRef")) }
}

impl Hindered {
    fn by(condition: &Value) -> Self {
        let since = condition.get("lastTransitionTime").and_then(|at| Instant::deserialize(at).ok());
        Self { most: None, reason: text(condition, "reason").into(), since: since.and_then(|since| since.0) }
    }
}

fn scaled(namespace: &Text, raw: &Value) -> Says {
    let conditions = raw.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let ready = conditions.filter(|condition| text(condition, "type") == "Ready").map(|it| text(it, "status")).next();
    let triggers = raw.get("spec").into_iter().flat_map(|spec| list(spec, "triggers")).map(|it| text(it, "type"));
    Says {
        state: format!("by {}", joined(triggers.collect(), "nothing")),
        good: ready.map(|ready| ready == "True"),
        ..target(namespace, raw.pointer("/spec/scaleTargetRef"))
    }
}

fn claim(raw: &Value) -> Says {
    let phase = raw.pointer("/status/phase").and_then(Value::as_str).unwrap_or("Pending");
    let size = raw.pointer("/status/capacity/storage").or_else(|| raw.pointer("/spec/resources/requests/storage"));
    let volume = raw.pointer("/spec/volumeName").and_then(Value::as_str).filter(|name| !name.is_empty());
    Says {
        leads_to: volume.map(|name| Link::Itself(Kind::PersistentVolume, Text::default(), name.into())),
        state: sized(phase, size),
        good: Some(phase == "Bound"),
        ..Says::default()
    }
}

fn volume(raw: &Value) -> Says {
    let phase = raw.pointer("/status/phase").and_then(Value::as_str).unwrap_or("Pending");
    let state = sized(phase, raw.pointer("/spec/capacity/storage"));
    Says { state, good: Some(matches!(phase, "Bound" | "Available")), ..Says::default() }
}

fn sized(phase: &str, size: Option<&Value>) -> String {
    let size = size.and_then(Value::as_str).map(|size| format!(", {size}")).unwrap_or_default();
    format!("{}{size}", phase.to_lowercase())
}

/// Accounts by name, and the groups of all accounts of a namespace or of all (an empty name, an empty namespace). What
/// Kubernetes itself gives every account is left out.
fn binding(namespace: &Text, name: &str, raw: &Value) -> Says {
    let chosen = !name.starts_with("system:");
    let account = |subject: &Value| match (text(subject, "kind"), text(subject, "name")) {
        ("ServiceAccount", name) => {
            let own = text(subject, "namespace");
            let of = if own.is_empty() { namespace.clone() } else { own.into() };
            Some(Link::Account(of, name.into()))
        }
        ("Group", "system:serviceaccounts") if chosen => Some(Link::Account(Text::default(), Text::default())),
        ("Group", group) => {
            let of = group.strip_prefix("system:serviceaccounts:")?;
            Some(Link::Account(of.into(), Text::default()))
        }
        _ => None,
    };
    let reference = raw.get("roleRef").unwrap_or(&Value::Null);
    let name = text(reference, "name");
    let role = match text(reference, "kind") {
        "ClusterRole" => Link::Itself(Kind::ClusterRole, Text::default(), name.into()),
        _ => Link::Itself(Kind::Role, namespace.clone(), name.into()),
    };
    Says {
        links: list(raw, "subjects").filter_map(account).collect(),
        leads_to: Some(role),
        state: format!("gives {} {name}", text(reference, "kind")),
        ..Says::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(kind: Kind, mut raw: Value) -> Says {
        raw["metadata"]["namespace"] = "shop".into();
        says(kind, &Meta { name: "it".into(), namespace: "shop".into(), ..Meta::default() }, &raw)
    }

    #[test]
    fn an_ingress_belongs_to_the_services_behind_its_paths() {
        let said = of(
            Kind::Ingress,
            json!({"spec": {"defaultBackend": {"service": {"name": "web"}}, "rules": [
            {"host": "shop.test", "http": {"paths": [{"backend": {"service": {"name": "cart"}}},
                                                     {"backend": {"service": {"name": "cart"}}}]}}]}}),
        );
        let network = |name: &str| Link::Network("shop".into(), name.into());
        assert_eq!(said.links[..2], [network("cart"), network("web")]);
        assert_eq!(said.state, "shop.test");
    }

    #[test]
    fn an_autoscaler_at_its_maximum_that_wants_more_is_bad() {
        let raw = |now: u64, limited: &str| {
            json!({"spec": {"minReplicas": 2, "maxReplicas": 10, "scaleTargetRef": {"apiVersion": "apps/v1",
                "kind": "Deployment", "name": "web"}}, "status": {"currentReplicas": now, "conditions": [
                {"type": "ScalingLimited", "status": limited, "reason": "TooManyReplicas"}]}})
        };
        let said = of(Kind::HorizontalPodAutoscaler, raw(10, "True"));
        assert_eq!(said.links[0], Link::Workload("shop".into(), "Deployment".into(), "web".into()));
        assert_eq!(
            (said.state.as_str(), said.good),
            ("10 of 2–10 replicas, at its maximum and wants more", Some(false))
        );
        assert_eq!(said.hindered.and_then(|hindered| hindered.most), Some(10));
        let content = of(Kind::HorizontalPodAutoscaler, raw(10, "False"));
        assert_eq!((content.good, content.hindered), (Some(true), None));
        assert_eq!(of(Kind::HorizontalPodAutoscaler, raw(9, "True")).hindered, None, "it is on its way");
    }

    #[test]
    fn what_scales_a_rollout_names_it_as_the_service_is_named() {
        let target = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web"});
        let said = of(Kind::VerticalPodAutoscaler, json!({"spec": {"targetRef": target}}));
        assert_eq!(said.links[0], Link::Workload("shop".into(), "Rollout.argoproj.io".into(), "web".into()));
        let said = of(Kind::ScaledObject, json!({"spec": {"scaleTargetRef": {"name": "web"}}}));
        assert_eq!(said.links[0], Link::Workload("shop".into(), "Deployment".into(), "web".into()));
    }

    #[test]
    fn a_binding_belongs_to_accounts_and_leads_to_its_role() {
        let said = of(
            Kind::RoleBinding,
            json!({"roleRef": {"kind": "ClusterRole", "name": "view"}, "subjects": [
            {"kind": "ServiceAccount", "name": "web", "namespace": "other"}, {"kind": "User", "name": "alice"},
            {"kind": "Group", "name": "system:serviceaccounts:shop"}]}),
        );
        let account = |namespace: &str, name: &str| Link::Account(namespace.into(), name.into());
        assert_eq!(said.links[..2], [account("other", "web"), account("shop", "")]);
        assert_eq!(said.leads_to, Some(Link::Itself(Kind::ClusterRole, Text::default(), "view".into())));
    }
}
