//! What may be listed and what to add where it may not, and how an error of the API reads to a person.

use kube::runtime::watcher;

use crate::kind::Kind;
use crate::roles::Rule;

/// What an error of a watcher means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Not allowed.
    Forbidden,
    /// The cluster does not have the kind.
    Absent,
    /// The list is too old; the watcher lists again at once.
    Expired,
    /// It failed, and may work the next time.
    Failing(String),
}

/// The RBAC rule to add, as YAML.
pub(crate) fn rule(kind: Kind) -> String {
    Rule::of(kind).yaml()
}

/// What an error of a watcher means.
pub(crate) fn problem(error: &watcher::Error) -> Problem {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => of_client(error),
        watcher::Error::WatchError(status) => of_code(status.code, &status.message),
        watcher::Error::NoResourceVersion => Problem::Failing("the API server sent a list without a version".into()),
    }
}

/// What an error of a client means.
pub(crate) fn of_client(error: &kube::Error) -> Problem {
    match error {
        kube::Error::Api(status) => of_code(status.code, &status.message),
        other => Problem::Failing(innermost(other)),
    }
}

fn of_code(code: u16, message: &str) -> Problem {
    match code {
        401 => Problem::Failing("the API server does not accept the credentials (401)".into()),
        403 => Problem::Forbidden,
        404 => Problem::Absent,
        410 => Problem::Expired,
        code => Problem::Failing(format!(
            "the API server answers {code}: {}",
            message.chars().take(200).collect::<String>()
        )),
    }
}

/// The innermost cause is the one that says what happened; the outer ones say what was tried.
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_to_add_names_group_and_resource() {
        assert_eq!(
            rule(Kind::Deployment),
            "- apiGroups: [\"apps\"]\n  resources: [\"deployments\"]\n  verbs: [\"list\", \"watch\"]\n"
        );
        assert!(rule(Kind::Pod).starts_with("- apiGroups: [\"\"]"));
    }

    #[test]
    fn codes_tell_what_a_watcher_does_next() {
        assert_eq!(of_code(403, ""), Problem::Forbidden);
        assert_eq!(of_code(404, ""), Problem::Absent);
        assert_eq!(of_code(410, ""), Problem::Expired);
        assert!(matches!(of_code(500, "boom"), Problem::Failing(reason) if reason.contains("500: boom")));
        assert!(matches!(of_code(401, ""), Problem::Failing(reason) if reason.contains("credentials")));
    }
}
