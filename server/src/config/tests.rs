//! Flags as they are written, and what comes of them.

use clap::CommandFactory;

use super::*;

fn config(flags: &[&str]) -> anyhow::Result<Config> {
    parsed(["binnacle", "--data", "data"].iter().chain(flags).copied())
}

fn parsed<'a>(words: impl Iterator<Item = &'a str>) -> anyhow::Result<Config> {
    match Work::try_from(Args::try_parse_from(words)?)? {
        Work::Serve(config) => Ok(*config),
        _ => bail!("that is no server"),
    }
}

#[test]
fn beyond_loopback_needs_a_way_to_sign_in() {
    let refused = config(&["--listen", "0.0.0.0:7700"]).unwrap_err().to_string();
    assert!(refused.contains("--auth-token"), "{refused}");
    for flags in [
        &["--listen", "0.0.0.0:7700", "--auth-token", "0123456789abcdef"][..],
        &["--listen", "0.0.0.0:7700", "--trusted-proxy-header", "x-user"],
        &["--listen", "0.0.0.0:7700", "--insecure-no-auth"],
        &["--listen", "[::1]:7700"],
    ] {
        assert!(config(flags).is_ok(), "{flags:?}");
    }
    assert!(config(&["--auth-token", "short"]).is_err());
}

#[test]
fn kubelets_are_asked_unless_somebody_says_no() {
    let asked = |flags: &[&str]| config(flags).unwrap().kubelets;
    assert_eq!(asked(&[]).map(|options| options.interval.as_secs()), Some(15));
    assert!(asked(&["--kubelet-insecure-tls"]).is_some_and(|options| options.insecure_tls));
    assert_eq!(asked(&["--kubelets", "off"]), None);
    assert!(config(&["--kubelet-interval", "1s"]).is_err());
}

#[test]
fn the_printed_configuration_hides_secrets() {
    let config = config(&["--auth-token", "swordfish-swordfish", "--metrics-token", "marlin"]).unwrap();
    let printed = format!("{config} {:?}", config.access);
    assert!(!printed.contains("swordfish") && !printed.contains("marlin"), "{printed}");
}

#[test]
fn serve_is_the_default_command() {
    let named = parsed("binnacle serve --data d --listen 127.0.0.1:1".split(' ')).unwrap();
    assert_eq!((named.listen.port(), named.demo), (1, Demo::WithoutCluster));
    assert_eq!(config(&["--listen", "127.0.0.1:1"]).unwrap().listen.port(), 1);
}

#[test]
fn a_demo_is_asked_for_or_takes_the_place_of_a_missing_cluster_or_is_never() {
    let demo = |line: &str| parsed(line.split(' ')).unwrap().is_demo(&[]);
    assert!(demo("binnacle demo") && demo("binnacle demo --no-demo") && demo("binnacle"));
    assert!(!demo("binnacle --no-demo") && !demo("binnacle serve --no-demo"));
}

#[test]
fn telemetry_may_be_as_old_as_what_is_kept_unless_somebody_says_otherwise() {
    let taken = |flags: &[&str]| {
        let limits = config(flags).unwrap().limits();
        (limits.past.as_secs() / 3_600, limits.future.as_secs() / 60)
    };
    assert_eq!(taken(&[]), (7 * 24, 60));
    assert_eq!(taken(&["--retention", "2d"]), (48, 60));
    assert_eq!(taken(&["--accept-past", "3h", "--accept-future", "5m"]), (3, 5));
}

/// The README's table, from the flags themselves.
fn table() -> String {
    let command = Args::command();
    let rows = command.get_arguments().filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version")).map(|arg| {
        let flag = arg.get_long().unwrap_or_default();
        let env = arg.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();
        let defaults: Vec<_> = arg.get_default_values().iter().map(|v| v.to_string_lossy().into_owned()).collect();
        let is_switch = !arg.get_action().takes_values();
        let default =
            if defaults.is_empty() || is_switch { String::new() } else { format!("`{}`", defaults.join(",")) };
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        format!("| `--{flag}` | {env} | {default} | {help} |\n")
    });
    format!("| flag | environment | default | what |\n|---|---|---|---|\n{}", rows.collect::<String>())
}

#[test]
fn the_readme_lists_every_flag() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let table = table();
    assert!(readme.contains(&table), "README.md's configuration table must be:\n{table}");
}
