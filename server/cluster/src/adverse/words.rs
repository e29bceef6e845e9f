//! Plain words for exits and refusals: what happened, and its likely cause.

use crate::slim::{Container, Terminated};

/// How a container ended.
pub(super) fn exit(container: &Container, end: &Terminated) -> String {
    let code = end.exit_code;
    if &*end.reason == "OOMKilled" {
        return match bytes(&container.memory_limit) {
            Some(limit) => format!("Used more memory than its limit of {limit}; exit code {code}."),
            None => format!(
                "Was killed because memory ran out: it has no limit of its own, so its node or pod was full; exit code {code}."
            ),
        };
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

/// A quantity of bytes as a person reads it.
pub(super) fn bytes(quantity: &str) -> Option<String> {
    let digits = quantity.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(quantity.len());
    let (number, unit) = quantity.split_at(digits);
    let factor: f64 = match unit {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "m" => 1e-3,
        "Ki" => 1024.0,
        "Mi" => 1024f64.powi(2),
        "Gi" => 1024f64.powi(3),
        "Ti" => 1024f64.powi(4),
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    let (value, unit) = match bytes {
        b if b < 1024.0 => (b, "B"),
        b if b < 1024f64.powi(2) => (b / 1024.0, "KiB"),
        b if b < 1024f64.powi(3) => (b / 1024f64.powi(2), "MiB"),
        b => (b / 1024f64.powi(3), "GiB"),
    };
    let text = format!("{value:.1}");
    Some(format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text)))
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
    fn quantities_read_well() {
        for (quantity, text) in [
            ("256Mi", Some("256 MiB")),
            ("1Gi", Some("1 GiB")),
            ("128974848", Some("123 MiB")),
            ("1500M", Some("1.4 GiB")),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(bytes(quantity).as_deref(), text, "{quantity}");
        }
    }

    #[test]
    fn a_refused_pull_says_its_likely_cause() {
        let cause = |detail| pull("shop/web:v9", "ErrImagePull", detail);
        assert!(cause("manifest unknown").contains("misspelt"));
        assert!(cause("401 Unauthorized").contains("imagePullSecrets"));
        assert!(cause("dial tcp 10.0.0.1:443: i/o timeout").contains("can't be reached"));
    }
}
