//! Plain words for exits and refusals: what happened, and its likely cause.

use model::{AdverseKind, bytes_text};

use crate::slim::{Container, Pod, Terminated};

/// How a container of a pod ended.
pub(super) fn exit(pod: &Pod, container: &Container, end: &Terminated) -> String {
    let code = end.exit_code;
    if &*end.reason == "OOMKilled" {
        return format!("{}; exit code {code}.", out_of_memory(pod, container));
    }
    match (code, end.signal) {
        (0, 0) => "Ended by itself with exit code 0 and was started again: a container of this workload is meant to keep running.".into(),
        (137, _) | (_, 9) => "Was killed with SIGKILL, exit code 137: it did not stop in time after a failed liveness probe, or its node killed it.".into(),
        (143, _) | (_, 15) => "Was told to stop with SIGTERM, exit code 143: usually after a failed liveness probe.".into(),
        (139, _) | (_, 11) => "Crashed with a segmentation fault, exit code 139.".into(),
        (134, _) | (_, 6) => "Aborted itself, exit code 134: usually a failed assertion or a fatal error of its runtime.".into(),
        (126, _) => "Its command can't be executed, exit code 126: check permissions and the image's architecture.".into(),
        (127, _) => "Its command was not found, exit code 127: check the command and the image.".into(),
        (code, _) if (129..=165).contains(&code) => format!("Was ended by signal {}, exit code {code}.", code - 128),
        (code, _) => format!("Ended with an error, exit code {code}: its last log lines say why."),
    }
}

fn out_of_memory(pod: &Pod, container: &Container) -> String {
    let text = |limit: Option<u64>| limit.map(|limit| bytes_text(limit as f64));
    let shared = pod.whole.as_ref().and_then(|whole| whole.limits.memory);
    // Where its containers may use more together than the pod has, either may have been full.
    let own = pod.containers.iter().filter(|one| one.role.lasts()).map(|one| one.limits.memory);
    let together = own.sum::<Option<u64>>();
    match (text(container.limits.memory), text(shared)) {
        (Some(limit), Some(whole))
            if together.is_none_or(|together| shared.is_some_and(|shared| shared < together)) =>
        {
            format!("Used more memory than its limit of {limit}, or its pod than the {whole} that its containers share")
        }
        (Some(limit), _) => format!("Used more memory than its limit of {limit}"),
        (None, Some(limit)) => {
            format!("Was killed because its pod used more memory than the limit of {limit} that its containers share")
        }
        (None, None) => {
            "Was killed because memory ran out: it has no limit of its own, so its node or pod was full".into()
        }
    }
}

/// Why an image can't be pulled.
pub(super) fn pull(image: &str, reason: &str, detail: &str) -> String {
    let low = detail.to_ascii_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| low.contains(word));
    let cause = if reason == "InvalidImageName" {
        "the name is not a valid image reference"
    } else if reason == "ErrImageNeverPull" {
        "it is not on the node, and its pull policy is Never"
    } else if any(&["toomanyrequests", "429", "rate limit"]) {
        "the registry limits how often this address may pull"
    } else if any(&["unauthorized", "denied", "401", "403", "no basic auth"]) {
        "the registry refuses: it does not exist or imagePullSecrets are missing or wrong"
    } else if any(&["not found", "manifest unknown", "404", "does not exist"]) {
        "the registry does not have it: the tag is misspelt or was never pushed"
    } else if any(&["no such host", "dial tcp", "timeout", "connection refused", "i/o", "tls", "x509"]) {
        "the registry can't be reached from the node"
    } else {
        "the node keeps trying"
    };
    format!("The image {image} can't be pulled: {cause}.")
}

/// Why a container can't be created or started.
pub(super) fn start(reason: &str, detail: &str) -> String {
    let cause = match reason {
        "CreateContainerConfigError" => {
            "something it refers to is missing, usually a ConfigMap, a Secret or one of their keys"
        }
        "RunContainerError" | "StartError" | "ContainerCannotRun" => "its command can't be run in this image",
        "PostStartHookError" => "its postStart hook failed",
        _ => "its node can't create it",
    };
    if detail.is_empty() {
        format!("Can't be started: {cause}.")
    } else {
        format!("Can't be started: {cause} ({detail}).")
    }
}

/// Why pods can't be created: what kind of trouble that is, and the words; `what` says whose pods they are.
pub(super) fn refused(what: &str, detail: &str) -> (AdverseKind, String) {
    match quota(detail) {
        Some(words) => (AdverseKind::Quota, words),
        None => (AdverseKind::FailedCreate, format!("{what} can't be created: {detail}.")),
    }
}

/// What a quota refuses: `exceeded quota: compute, requested: requests.cpu=1, used: requests.cpu=4, limited:
/// requests.cpu=4`, or `failed quota: compute: must specify limits.cpu for: app` (Kubernetes, admission plugin
/// `resourcequota`).
fn quota(detail: &str) -> Option<String> {
    if let Some((_, rest)) = detail.split_once("failed quota: ") {
        let (name, wants) = rest.split_once(": ")?;
        return Some(format!("Quota {name} refuses its pods: they {wants}."));
    }
    let (_, rest) = detail.split_once("exceeded quota: ")?;
    let (name, rest) = cut(rest, ", requested: ");
    let (asked, rest) = cut(rest, ", used: ");
    let (used, all) = cut(rest, ", limited: ");
    let [asked, used, all] = [asked, used, all].map(pairs);
    let of =
        |list: &[(&str, &str)], key: &str| list.iter().find(|(known, _)| *known == key).map(|(_, it)| (*it).to_owned());
    let row = |(key, all): &(&str, &str)| {
        let more = of(&asked, key).map(|asked| format!(", {asked} more wanted")).unwrap_or_default();
        Some(format!("{key} {} of {all} used{more}", of(&used, key)?))
    };
    let rows: Vec<String> = all.iter().filter_map(row).collect();
    let which = if rows.is_empty() { String::new() } else { format!(": {}", rows.join("; ")) };
    Some(format!("Quota {name} refuses its pods{which}."))
}

/// What comes before a word and after it; all where it is not there.
fn cut<'a>(text: &'a str, word: &str) -> (&'a str, &'a str) {
    text.split_once(word).unwrap_or((text, ""))
}

/// `a=1,b=2`.
fn pairs(list: &str) -> Vec<(&str, &str)> {
    list.split(',').filter_map(|pair| pair.trim().split_once('=')).collect()
}

/// The first sentence or line of a message, cut to a length that can be shown.
pub(super) fn short(message: &str) -> String {
    let line = message.trim().lines().next().unwrap_or_default();
    let cut: String = line.chars().take(400).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { cut.trim_end_matches('.').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_quota_refuses_is_said_with_what_is_used_of_it() {
        let check = |detail: &str, kind, words: &str| {
            assert_eq!(refused("Its pods", detail), (kind, words.to_owned()), "{detail}");
        };
        check(
            "pods \"web-x\" is forbidden: exceeded quota: compute, requested: requests.cpu=500m, used: requests.cpu=4, \
             limited: requests.cpu=4",
            AdverseKind::Quota,
            "Quota compute refuses its pods: requests.cpu 4 of 4 used, 500m more wanted.",
        );
        check(
            "exceeded quota: all, requested: pods=1,requests.memory=1Gi, used: pods=10,requests.memory=8Gi, limited: \
             pods=10,requests.memory=8Gi",
            AdverseKind::Quota,
            "Quota all refuses its pods: pods 10 of 10 used, 1 more wanted; requests.memory 8Gi of 8Gi used, 1Gi more \
             wanted.",
        );
        check(
            "pods \"web-x\" is forbidden: exceeded quota: small",
            AdverseKind::Quota,
            "Quota small refuses its pods.",
        );
        check(
            "pods \"web-x\" is forbidden: failed quota: compute: must specify limits.cpu for: app",
            AdverseKind::Quota,
            "Quota compute refuses its pods: they must specify limits.cpu for: app.",
        );
        check(
            "admission webhook \"p\" denied the request",
            AdverseKind::FailedCreate,
            "Its pods can't be created: admission webhook \"p\" denied the request.",
        );
    }

    #[test]
    fn a_refused_pull_says_its_likely_cause() {
        let cause = |detail| pull("shop/web:v9", "ErrImagePull", detail);
        assert!(cause("manifest unknown").contains("misspelt"));
        assert!(cause("401 Unauthorized").contains("imagePullSecrets"));
        assert!(cause("dial tcp 10.0.0.1:443: i/o timeout").contains("can't be reached"));
    }
}
