//! Asks a cluster whether Binnacle could watch it: whether it answers, and each right by an access review. Looks, and
//! changes nothing.

use std::time::Duration;

use futures::{StreamExt, stream};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::Node;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use model::{KubeletStatus, KubeletTrouble};

use crate::kind::Kind;
use crate::kubelet::{self, Target};
use crate::rights::{Problem, of_client};
use crate::roles::{Rule, identity, kubelet as kubelet_rules, logs};
use crate::{Options, Source, slim};

/// How long a single question may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Kubelets that are tried.
const KUBELETS: u32 = 3;
/// Questions that are under way at once.
const AT_ONCE: usize = 8;

/// What was looked at, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, `list and watch pods`.
    pub what: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of looking at something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be, with a note.
    Fine(String),
    /// Worth knowing, and nothing to repair.
    Note(String),
    /// Missing: why it matters, and what to add or do.
    Missing {
        /// Why it matters.
        why: String,
        /// A rule to add, or what to do.
        add: String,
    },
}

impl Finding {
    /// Something that was looked at.
    pub fn new(what: impl Into<String>, outcome: Outcome) -> Self {
        Self { what: what.into(), outcome }
    }

    /// Something that is missing.
    pub fn missing(what: impl Into<String>, why: impl Into<String>, add: impl Into<String>) -> Self {
        Self::new(what, Outcome::Missing { why: why.into(), add: add.into() })
    }

    /// Whether it is missing.
    pub fn is_missing(&self) -> bool {
        matches!(self.outcome, Outcome::Missing { .. })
    }
}

/// Looks at a cluster as `run` would use it with these options.
pub async fn check(source: &Source, options: &Options) -> Vec<Finding> {
    let namespaces = &options.namespaces[..];
    let what = format!("cluster {}", source.name());
    let answered = match source.client().await {
        Ok(client) => version(&client).await.map(|version| (client, version)),
        Err(reason) => Err(reason),
    };
    let (client, version) = match answered {
        Ok(answered) => answered,
        Err(reason) => {
            let add = "see that the address in the kubeconfig is right and reachable from here, and that its \
                       credentials are still valid";
            return vec![Finding::missing(what, format!("the API server does not answer: {reason}"), add)];
        }
    };
    let mut findings = vec![Finding::new(what, Outcome::Fine(format!("answers, {version}")))];
    findings.extend(watchers(&client, namespaces).await);
    findings.extend(allowed(&client, &identity(namespaces.is_empty()), &identity_places(namespaces)).await);
    let everywhere = [None];
    let places: Vec<Option<&str>> = namespaces.iter().map(|namespace| Some(namespace.as_str())).collect();
    let places = if namespaces.is_empty() { &everywhere[..] } else { &places };
    match options.log_streams {
        0 => findings.push(Finding::new("logs of pods", Outcome::Note("not read (--log-streams 0)".into()))),
        _ => findings.extend(allowed(&client, &[logs()], places).await),
    }
    match &options.kubelets {
        None => findings.push(Finding::new("kubelets", Outcome::Note("not asked (--kubelets=off)".into()))),
        Some(how) if namespaces.is_empty() => {
            findings.extend(allowed(&client, &kubelet_rules(), &[None]).await);
            findings.extend(kubelets(&client, source, how).await);
        }
        Some(_) => {
            let note = "not asked, since that is a right for the whole cluster: processor and memory are not collected";
            findings.push(Finding::new("kubelets", Outcome::Note(note.into())));
        }
    }
    findings
}

async fn version(client: &Client) -> Result<String, String> {
    match tokio::time::timeout(ANSWER, client.apiserver_version()).await {
        Ok(Ok(version)) => Ok(version.git_version),
        Ok(Err(error)) => Err(match of_client(&error) {
            Problem::Failing(reason) => reason,
            _ => error.to_string(),
        }),
        Err(_) => Err(format!("no answer within {} seconds", ANSWER.as_secs())),
    }
}

/// Where the identity is read: each rule in the namespace it is about.
fn identity_places(namespaces: &[String]) -> Vec<Option<&str>> {
    match namespaces.first() {
        Some(first) => vec![Some(first.as_str())],
        None => vec![Some("kube-system")],
    }
}

/// Every kind in every namespace that is watched.
async fn watchers(client: &Client, namespaces: &[String]) -> Vec<Finding> {
    let places: Vec<Option<&str>> =
        if namespaces.is_empty() { vec![None] } else { namespaces.iter().map(|name| Some(name.as_str())).collect() };
    let mut findings = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| namespaces.is_empty() || kind.is_namespaced()) {
        if kind.is_optional() && !is_there(client, kind).await {
            let note = Outcome::Note("not in this cluster".into());
            findings.push(Finding::new(format!("list and watch {}", kind.resource()), note));
        } else {
            findings.extend(allowed(client, &[Rule::of(kind)], &places).await);
        }
    }
    findings
}

/// Whether the cluster serves a kind's API; what can't be asked is taken as being there.
async fn is_there(client: &Client, kind: Kind) -> bool {
    let (group, version, _, _) = kind.parts();
    let Ok(request) = http::Request::get(format!("/apis/{group}/{version}")).body(Vec::new()) else { return true };
    let answer = tokio::time::timeout(ANSWER, client.request_text(request)).await;
    !matches!(answer, Ok(Err(error)) if of_client(&error) == Problem::Absent)
}

/// Whether rules hold, each in each place.
async fn allowed(client: &Client, rules: &[Rule], places: &[Option<&str>]) -> Vec<Finding> {
    let asked = rules.iter().flat_map(|rule| places.iter().map(move |place| (rule, *place)));
    stream::iter(asked).map(|(rule, place)| right(client, rule, place)).buffered(AT_ONCE).collect().await
}

/// Whether a rule holds in a place.
async fn right(client: &Client, rule: &Rule, place: Option<&str>) -> Finding {
    let what = wanted(rule, place);
    for verb in rule.verbs {
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(attributes(rule, verb, place)),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
        match tokio::time::timeout(ANSWER, api.create(&PostParams::default(), &review)).await {
            Ok(Ok(answer)) if answer.status.as_ref().is_some_and(|status| status.allowed) => {}
            Ok(Ok(_)) => return Finding::missing(what, rule.purpose, rule.yaml()),
            Ok(Err(error)) => return unasked(what, &error.to_string()),
            Err(_) => return unasked(what, "no answer"),
        }
    }
    Finding::new(what, Outcome::Fine(String::new()))
}

fn unasked(what: String, reason: &str) -> Finding {
    let why = format!("the API server does not say whether it is allowed: {reason}");
    Finding::missing(what, why, "allow the account to create selfsubjectaccessreviews.authorization.k8s.io")
}

fn attributes(rule: &Rule, verb: &str, place: Option<&str>) -> ResourceAttributes {
    let resource = rule.resources.first().copied().unwrap_or_default();
    let (resource, subresource) = resource.split_once('/').map_or((resource, None), |(of, sub)| (of, Some(sub)));
    ResourceAttributes {
        group: Some(rule.group.into()),
        resource: Some(resource.into()),
        subresource: subresource.map(Into::into),
        verb: Some(verb.into()),
        name: rule.names.first().map(|name| (*name).into()),
        namespace: place.map(Into::into),
        ..ResourceAttributes::default()
    }
}

/// `list and watch pods in shop`.
fn wanted(rule: &Rule, place: Option<&str>) -> String {
    let group = if rule.group.is_empty() { String::new() } else { format!(".{}", rule.group) };
    let resources: Vec<String> = rule.resources.iter().map(|resource| format!("{resource}{group}")).collect();
    let name = rule.names.first().map(|name| format!(" {name}")).unwrap_or_default();
    let place = place.filter(|_| !rule.resources.contains(&"namespaces")).map(|place| format!(" in {place}"));
    format!("{} {}{name}{}", rule.verbs.join(" and "), resources.join(", "), place.unwrap_or_default())
}

/// Whether kubelets answer from here; outside the cluster they often don't.
async fn kubelets(client: &Client, source: &Source, how: &kubelet::Options) -> Vec<Finding> {
    let noted = |note: String| vec![Finding::new("kubelets", Outcome::Note(note))];
    let nodes = Api::<Node>::all(client.clone()).list(&ListParams::default().limit(KUBELETS)).await;
    let Ok(nodes) = nodes else { return noted("not tried: nodes may not be listed".into()) };
    let slim = |node| serde_json::from_value::<slim::Node>(serde_json::to_value(node).ok()?).ok();
    let targets: Vec<Target> = nodes.items.iter().filter_map(|node| Target::of(&slim(node)?)).collect();
    if targets.is_empty() {
        return noted("not tried: no node says its address".into());
    }
    match kubelet::probe(source, how, &targets).await {
        Err(reason) => vec![Finding::missing("kubelets", reason, "name another file with --kubelet-ca")],
        Ok(status) if status.troubles.is_empty() => {
            vec![Finding::new("kubelets", Outcome::Fine(format!("{} of them tried, they answer", targets.len())))]
        }
        Ok(KubeletStatus { answering, troubles, .. }) => {
            troubles.into_iter().map(|trouble| lacking(trouble, answering, targets.len())).collect()
        }
    }
}

/// What kubelets did not answer. Where some do, what others lack is theirs: a node may be down.
fn lacking(trouble: KubeletTrouble, answering: u32, tried: usize) -> Finding {
    let KubeletTrouble { reason, add, nodes, example } = trouble;
    let why = format!("{nodes} of {tried} tried, {example} among them: {reason}");
    let why = format!("without them there is no processor and memory of containers; {why}");
    match add {
        Some(add) => Finding::missing("kubelets", why, add),
        None if answering > 0 => Finding::new("kubelets", Outcome::Note(why)),
        None => {
            let reach = "see that kubelets can be reached from here at the address and port of their node (in a \
                         cluster, a NetworkPolicy may be in the way), or do without by --kubelets=off";
            Finding::missing("kubelets", why, reach)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_asked_for_as_a_review_knows_it() {
        let metrics = &kubelet_rules()[0];
        let asked = attributes(metrics, "get", None);
        assert_eq!((asked.resource.as_deref(), asked.subresource.as_deref()), (Some("nodes"), Some("metrics")));
        let asked = attributes(&Rule::of(Kind::Ingress), "watch", Some("shop"));
        assert_eq!(asked.group.as_deref(), Some("networking.k8s.io"));
        assert_eq!((asked.namespace.as_deref(), asked.verb.as_deref()), (Some("shop"), Some("watch")));
    }

    #[test]
    fn what_is_looked_at_is_said_in_words() {
        assert_eq!(
            wanted(&Rule::of(Kind::Ingress), Some("shop")),
            "list and watch ingresses.networking.k8s.io in shop"
        );
        assert_eq!(wanted(&identity(true)[0], None), "get namespaces kube-system");
    }

    #[test]
    fn a_kubelet_that_does_not_answer_is_missing_with_what_to_do() {
        let trouble = |add: Option<&str>| KubeletTrouble {
            reason: "no".into(),
            add: add.map(str::to_owned),
            nodes: 2,
            example: "node-1".into(),
        };
        let add = |finding: Finding| match finding.outcome {
            Outcome::Missing { add, .. } => add,
            other => panic!("{other:?}"),
        };
        assert!(add(lacking(trouble(None), 0, 2)).contains("--kubelets=off"));
        assert_eq!(add(lacking(trouble(Some("a rule\n")), 1, 3)), "a rule\n");
        assert!(!lacking(trouble(None), 1, 3).is_missing(), "another answers");
    }
}
