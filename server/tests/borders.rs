//! The borders between crates, as ARCHITECTURE.md draws them: a crate that depends on one it must not see fails here.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// What each crate must never depend on, directly and for its own code.
const NEVER: [(&str, &[&str]); 10] = [
    ("model", &["tokio", "leptos", "axum", "sqlx", "kube", "store", "chrono", "regex", "reqwest"]),
    ("analysis", &["store", "tokio", "sqlx", "kube", "axum", "leptos", "cluster", "ingest", "app"]),
    ("store", &["kube", "k8s-openapi", "axum", "leptos", "tonic", "opentelemetry-proto", "cluster", "ingest", "app"]),
    ("cluster", &["axum", "leptos", "ingest", "sqlx", "app", "analysis", "tonic"]),
    ("ingest", &["kube", "k8s-openapi", "leptos", "cluster", "sqlx", "app", "analysis"]),
    (
        "app",
        &["sqlx", "kube", "tonic", "store", "cluster", "ingest", "analysis", "server", "simulator", "regex", "chrono"],
    ),
    ("simulator", &["store", "ingest", "leptos", "kube", "sqlx", "app", "cluster"]),
    ("verdicts", &["sqlx", "kube", "axum", "leptos", "cluster", "ingest", "app"]),
    ("load", &["model", "store", "ingest", "cluster", "simulator", "server", "app", "leptos", "kube", "sqlx"]),
    ("frontend", &["model", "store", "cluster", "ingest", "analysis", "server", "axum", "tokio"]),
];

/// The crates of the workspace that each may use.
const MAY: [(&str, &[&str]); 11] = [
    ("model", &[]),
    ("app", &["model"]),
    ("frontend", &["app"]),
    ("analysis", &["model"]),
    ("store", &["model"]),
    ("cluster", &["model", "store"]),
    ("ingest", &["model", "store"]),
    ("simulator", &["model"]),
    ("verdicts", &["model", "analysis", "store"]),
    ("load", &[]),
    ("server", &["model", "app", "analysis", "store", "cluster", "ingest", "simulator", "verdicts"]),
];

/// Direct dependencies, those of tests left out, by workspace crate.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages").iter();
    packages
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies").iter();
            let direct = dependencies.filter(|dependency| dependency["kind"] != "dev");
            let names = direct.map(|dependency| dependency["name"].as_str().expect("a name").to_owned());
            (package["name"].as_str().expect("a name").to_owned(), names.collect())
        })
        .collect()
}

#[test]
fn no_crate_sees_what_it_must_not() {
    let dependencies = dependencies();
    let mut wrong = Vec::new();
    for (name, never) in NEVER {
        let direct = dependencies.get(name).unwrap_or_else(|| panic!("crate {name} is gone"));
        wrong.extend(direct.iter().filter(|d| never.contains(&d.as_str())).map(|d| format!("{name} → {d}")));
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn crates_of_the_workspace_see_only_those_they_may() {
    let dependencies = dependencies();
    for (name, direct) in &dependencies {
        let (_, may) =
            MAY.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("{name} has no row in MAY"));
        let own = direct.iter().filter(|used| dependencies.contains_key(*used));
        let wrong: Vec<_> = own.filter(|used| !may.contains(&used.as_str())).collect();
        assert!(wrong.is_empty(), "{name} → {wrong:?}");
    }
}

#[test]
fn every_library_of_the_workspace_has_its_border() {
    for name in dependencies().keys().filter(|name| *name != "server") {
        assert!(NEVER.iter().any(|(known, _)| known == name), "{name} has no row in NEVER");
    }
}
