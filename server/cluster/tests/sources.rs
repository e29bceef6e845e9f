//! Which clusters are watched, and what is said when a kubeconfig is not usable.

use std::path::PathBuf;

use cluster::sources;

const GOOD: &str = r#"
apiVersion: v1
kind: Config
current-context: one
clusters:
- {name: c1, cluster: {server: "https://127.0.0.1:6443"}}
- {name: c3, cluster: {}}
users:
- {name: u, user: {token: canary-token}}
contexts:
- {name: one, context: {cluster: c1, user: u}}
- {name: two, context: {cluster: c1, user: u}}
- {name: lost, context: {cluster: nowhere, user: u}}
- {name: empty, context: {cluster: c3, user: u}}
"#;

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("kubeconfig");
    std::fs::write(&path, text).expect("the directory is writable");
    (directory, path)
}

fn names(text: &str, contexts: &[&str]) -> Result<Vec<String>, String> {
    let (_directory, path) = file(text);
    let contexts: Vec<String> = contexts.iter().map(ToString::to_string).collect();
    let found = sources(Some(&path), &contexts).map_err(|error| error.to_string())?;
    Ok(found.iter().map(|source| source.name().to_owned()).collect())
}

#[test]
fn the_current_context_is_watched_unless_others_are_named() {
    assert_eq!(names(GOOD, &[]).unwrap(), ["one"]);
    assert_eq!(names(GOOD, &["two", "one"]).unwrap(), ["two", "one"]);
}

#[test]
fn what_is_not_usable_is_named_with_what_to_do() {
    for (contexts, words) in [
        (&["three"][..], "has no context three (it has one, two, lost, empty): name one of these with --context"),
        (&["lost"][..], "refers to the cluster nowhere, which has no server address there: correct it"),
        (&["empty"][..], "refers to the cluster c3, which has no server address there: correct it"),
    ] {
        let said = names(GOOD, contexts).unwrap_err();
        assert!(said.contains(words) && said.contains("kubeconfig"), "{said}");
    }
    let said = names(&GOOD.replace("current-context: one\n", ""), &[]).unwrap_err();
    assert!(said.contains("names no current context: choose one with --context"), "{said}");
}

#[test]
fn a_file_that_is_no_kubeconfig_is_named_and_its_content_is_not_told() {
    let said = names("users: [{name: u, user: {token: canary", &[]).unwrap_err();
    assert!(said.contains("not a valid kubeconfig") && said.contains("--kubeconfig"), "{said}");
    assert!(!said.contains("canary"), "{said}");
    let missing = sources(Some(&PathBuf::from("/nowhere/at/all")), &[]).unwrap_err().to_string();
    assert!(missing.contains("/nowhere/at/all") && missing.contains("No such file"), "{missing}");
}

#[test]
fn a_source_shows_no_credentials() {
    let (_directory, path) = file(GOOD);
    let sources = sources(Some(&path), &[]).unwrap();
    assert!(!format!("{sources:?}").contains("canary"));
}
