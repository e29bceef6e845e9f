//! `binnacle check`: looks at everything Binnacle needs and says what is missing, why it matters and what to add. It
//! watches nothing and changes nothing.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use cluster::{Finding, Outcome};

use crate::config::Config;
use crate::data::Data;
use crate::room::Room;

/// With less than this, not even a day fits.
const LEAST: u64 = 1 << 30;

/// Prints what was found; fails where something is missing.
pub(crate) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let mut findings = Vec::new();
    match config.clusters() {
        Ok(sources) if sources.is_empty() => findings.push(Finding::missing(
            "cluster",
            "no cluster is configured: only what is sent is shown, or the demo",
            "set KUBECONFIG or --kubeconfig, or run in a cluster",
        )),
        Ok(sources) => {
            let options = config.cluster(&cluster::Live::default());
            for source in &sources {
                findings.extend(cluster::check(source, &options).await);
            }
        }
        Err(error) => findings.push(Finding::missing("cluster", error.to_string(), "correct the kubeconfig")),
    }
    findings.extend(ports(&config));
    let wanted = config.raw.bytes.saturating_add(config.summaries.bytes);
    findings.push(match Data::kept(config.data.as_deref()) {
        Ok(data) => disk(data.path(), wanted),
        Err(error) => Finding::missing("data directory", error.to_string(), "name one with --data"),
    });
    print(&findings).context("could not print")?;
    Ok(if findings.iter().any(Finding::is_missing) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(findings: &[Finding]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in findings.iter().flat_map(lines) {
        writeln!(out, "{line}")?;
    }
    match findings.iter().filter(|finding| finding.is_missing()).count() {
        0 => writeln!(out, "\nnothing is missing"),
        1 => writeln!(out, "\n1 thing is missing"),
        many => writeln!(out, "\n{many} things are missing"),
    }
}

/// A finding as it is printed: one line, and what to do below it where something is missing.
fn lines(finding: &Finding) -> Vec<String> {
    let noted = |word: &str, note: &str| {
        let note = if note.is_empty() { String::new() } else { format!(": {note}") };
        vec![format!("{word:<8} {}{note}", finding.what)]
    };
    match &finding.outcome {
        Outcome::Fine(note) => noted("ok", note),
        Outcome::Note(note) => noted("note", note),
        Outcome::Missing { why, add } => {
            let mut lines = noted("MISSING", "");
            lines.push(format!("         why: {why}"));
            let add: Vec<&str> = add.lines().collect();
            match add[..] {
                [one] => lines.push(format!("         do:  {one}")),
                _ => {
                    lines.push("         add to the role:".into());
                    lines.extend(add.iter().map(|line| format!("           {line}")));
                }
            }
            lines
        }
    }
}

/// Whether each port can be taken.
fn ports(config: &Config) -> Vec<Finding> {
    let all = [
        ("web interface", config.listen, "--listen"),
        ("OTLP over gRPC", config.otlp_grpc, "--otlp-grpc"),
        ("OTLP over HTTP", config.otlp_http, "--otlp-http"),
    ];
    all.into_iter().map(|(what, address, flag)| port(what, address, flag)).collect()
}

fn port(what: &str, address: SocketAddr, flag: &str) -> Finding {
    let named = format!("{what} on {address}");
    match TcpListener::bind(address) {
        Ok(_) => Finding::new(named, Outcome::Fine("free".into())),
        Err(error) => {
            let why = format!("Binnacle can't listen there and would not start: {error}");
            Finding::missing(named, why, format!("stop what listens there, or choose another address with {flag}"))
        }
    }
}

/// Whether files can be made in a directory, and how much room there is for what will be kept.
fn disk(path: &Path, wanted: u64) -> Finding {
    let what = format!("data directory {}", path.display());
    // The directory is made on the first start: until then what counts is where it will be.
    let there = existing(path);
    if let Err(error) = tempfile::tempfile_in(&there) {
        let why = format!("nothing can be kept there: {error}");
        return Finding::missing(
            what,
            why,
            "give the user Binnacle runs as the right to write there, or name another \
                                            directory with --data",
        );
    }
    let free = Room::of(&there).map(|room| room.free);
    match free {
        Err(error) => Finding::new(what, Outcome::Note(format!("writable; how much is free can't be read: {error}"))),
        Ok(free) if free < LEAST => Finding::missing(
            what,
            format!("only {} are free", size(free)),
            format!("make room for {}, which is what may be kept there", size(wanted)),
        ),
        Ok(free) if free < wanted => Finding::new(
            what,
            Outcome::Note(format!(
                "writable; {} are free and up to {} may be kept: lower --retention-bytes or make room",
                size(free),
                size(wanted)
            )),
        ),
        Ok(free) => Finding::new(what, Outcome::Fine(format!("writable, {} free", size(free)))),
    }
}

/// The directory, or the nearest one above it that is there.
fn existing(path: &Path) -> PathBuf {
    let above = path.ancestors().find(|above| above.is_dir());
    above.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

fn size(bytes: u64) -> String {
    let gigabytes = bytes as f64 / 1e9;
    if gigabytes < 10.0 { format!("{gigabytes:.1} GB") } else { format!("{gigabytes:.0} GB") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_missing_and_says_what_to_do() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        let found = port("web interface", address, "--listen");
        assert!(found.is_missing());
        assert!(lines(&found).iter().any(|line| line.contains("--listen")));
        drop(held);
        assert!(!port("web interface", address, "--listen").is_missing());
    }

    #[test]
    fn a_directory_that_is_not_there_yet_counts_as_the_one_above_it() {
        let base = tempfile::tempdir().unwrap();
        let found = disk(&base.path().join("a/b"), 1);
        assert!(!found.is_missing(), "{found:?}");
        let file = base.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(!base.path().join("a").exists(), "nothing was made");
    }

    #[test]
    fn a_rule_that_is_missing_is_printed_to_be_copied() {
        let rule = "- apiGroups: [\"apps\"]\n  resources: [\"deployments\"]\n";
        let lines = lines(&Finding::missing("list and watch deployments.apps", "they are the services", rule));
        assert_eq!(lines[0], "MISSING  list and watch deployments.apps");
        assert_eq!(lines[1], "         why: they are the services");
        assert!(lines.contains(&"           - apiGroups: [\"apps\"]".to_owned()), "{lines:?}");
    }
}
