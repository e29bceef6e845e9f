//! The rights that Binnacle asks of a cluster, as manifests: made from the table of kinds that are watched, so that a
//! role never has a right too many or too few.

use std::fmt::Write;

use crate::kind::Kind;

/// The account, and the namespace it lives in, when Binnacle runs in the cluster.
const ACCOUNT: &str = "binnacle";
const HEADER: &str =
    "# Everything Binnacle asks of a cluster: to read. No Secrets, no exec, no nodes/proxy, no writes.\n";

/// One rule of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) group: &'static str,
    pub(crate) resources: Vec<&'static str>,
    pub(crate) names: &'static [&'static str],
    pub(crate) verbs: &'static [&'static str],
    pub(crate) purpose: &'static str,
}

/// What every watcher does.
pub(crate) const WATCH: &[&str] = &["list", "watch"];

impl Rule {
    /// The rule of a watcher.
    pub(crate) fn of(kind: Kind) -> Self {
        let (group, _, _, plural) = kind.parts();
        Self { group, resources: vec![plural], names: &[], verbs: WATCH, purpose: kind.purpose() }
    }

    /// As YAML.
    pub(crate) fn yaml(&self) -> String {
        let quoted = |words: &[&str]| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        let mut text = format!("- apiGroups: [\"{}\"]\n  resources: [{}]\n", self.group, quoted(&self.resources));
        if !self.names.is_empty() {
            text.push_str(&format!("  resourceNames: [{}]\n", quoted(self.names)));
        }
        text.push_str(&format!("  verbs: [{}]\n", quoted(self.verbs)));
        text
    }
}

/// By which a cluster is known, whatever it is called.
pub(crate) fn identity(whole: bool) -> Vec<Rule> {
    let certificate = Rule {
        group: "",
        resources: vec!["configmaps"],
        names: &["kube-root-ca.crt"],
        verbs: &["get"],
        purpose: "a cluster is known by its certificate: without it, by the name of its context",
    };
    let namespace = Rule {
        group: "",
        resources: vec!["namespaces"],
        names: &["kube-system"],
        verbs: &["get"],
        purpose: "a cluster is known by the uid of kube-system: without it, by its certificate",
    };
    if whole { vec![namespace, certificate] } else { vec![certificate] }
}

/// What kubelets ask of who reads their figures; never `nodes/proxy`, which allows to run commands in pods.
pub(crate) fn kubelet() -> [Rule; 2] {
    let right = |resource, purpose| Rule { group: "", resources: vec![resource], names: &[], verbs: &["get"], purpose };
    [
        right("nodes/metrics", "processor and memory of containers are read from the kubelets"),
        right("nodes/stats", "network, volumes and pressure of pods are read from the kubelets"),
    ]
}

/// Both of them as one rule.
pub(crate) fn kubelet_rule() -> Rule {
    let rules = kubelet();
    let resources = rules.iter().flat_map(|rule| rule.resources.iter().copied()).collect();
    Rule { group: "", resources, names: &[], verbs: &["get"], purpose: "what containers use is read from the kubelets" }
}

/// What following the logs of pods asks.
pub(crate) fn logs() -> Rule {
    Rule {
        group: "",
        resources: vec!["pods/log"],
        names: &[],
        verbs: &["get"],
        purpose: "logs of pods that do not send their own are read from the API server",
    }
}

/// All rules: for the whole cluster, or for each of some namespaces.
fn rules(whole: bool) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| whole || kind.is_namespaced()) {
        let rule = Rule::of(kind);
        match rules.iter_mut().find(|known| known.group == rule.group) {
            Some(known) => known.resources.extend(rule.resources),
            None => rules.push(rule),
        }
    }
    rules.extend(identity(whole));
    rules.push(logs());
    if whole {
        rules.push(kubelet_rule());
    }
    rules
}

/// A role with the least rights, bound to the account `binnacle`: for the whole cluster, or for each of some namespaces.
pub fn roles(namespaces: &[String]) -> String {
    let mut text = HEADER.to_owned();
    if namespaces.is_empty() {
        text.push_str(&role("ClusterRole", None));
        text.push_str("---\n");
        text.push_str(&binding("ClusterRole", None));
        return text;
    }
    for (at, namespace) in namespaces.iter().enumerate() {
        text.push_str(if at > 0 { "---\n" } else { "" });
        text.push_str(&role("Role", Some(namespace)));
        text.push_str("---\n");
        text.push_str(&binding("Role", Some(namespace)));
    }
    text
}

fn head(kind: &str, namespace: Option<&str>) -> String {
    let mut text = format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: {ACCOUNT}\n");
    if let Some(namespace) = namespace {
        // A name that reads as something else in YAML, `1` or `no`, stays a text.
        writeln!(text, "  namespace: {namespace:?}").expect("writing to a string cannot fail");
    }
    text
}

fn role(kind: &str, namespace: Option<&str>) -> String {
    let mut text = head(kind, namespace);
    text.push_str("rules:\n");
    for line in rules(namespace.is_none()).iter().map(Rule::yaml).collect::<String>().lines() {
        writeln!(text, "  {line}").expect("writing to a string cannot fail");
    }
    text
}

fn binding(kind: &str, namespace: Option<&str>) -> String {
    let mut text = head(&format!("{kind}Binding"), namespace);
    text.push_str(&format!("roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: {kind}\n  name: {ACCOUNT}\n"));
    text.push_str(&format!("subjects:\n  - kind: ServiceAccount\n    name: {ACCOUNT}\n    namespace: {ACCOUNT}\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deployed_has_the_rights_that_are_printed() {
        let deployed = include_str!("../../../deploy/binnacle.yaml");
        assert!(deployed.contains(&roles(&[])), "run `binnacle rbac` and put its output into deploy/binnacle.yaml");
    }

    #[test]
    fn every_watcher_has_its_right_and_nothing_is_written() {
        let rules = rules(true);
        for kind in Kind::ALL {
            let (group, _, _, plural) = kind.parts();
            let allows = |rule: &Rule| rule.group == group && rule.resources.contains(&plural) && rule.verbs == WATCH;
            assert!(rules.iter().any(allows), "{kind:?}");
        }
        for rule in &rules {
            assert!(rule.verbs.iter().all(|verb| matches!(*verb, "get" | "list" | "watch")), "{rule:?}");
            assert!(rule.resources.iter().all(|resource| *resource != "secrets" && *resource != "nodes/proxy"));
        }
    }

    #[test]
    fn with_namespaces_nothing_of_the_whole_cluster_is_asked() {
        let text = roles(&["shop".into(), "payments".into()]);
        assert_eq!(text.matches("kind: Role\nmetadata:").count(), 2);
        assert!(text.contains("  namespace: \"payments\"\n"));
        assert!(!text.contains("ClusterRole") && !text.contains("\"nodes") && !text.contains("persistentvolumes\""));
    }
}
