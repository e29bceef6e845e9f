//! What keeps the binary from starting is one clear sentence and a non-zero exit; nothing is damaged.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Runs the binary with free ports and the given flags until it exits.
fn run(data: &Path, flags: &[&str]) -> Output {
    run_as(&mut Command::new(env!("CARGO_BIN_EXE_binnacle")), data, flags)
}

fn run_as(command: &mut Command, data: &Path, flags: &[&str]) -> Output {
    command
        .env_clear()
        .args(["--no-demo", "--listen", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"])
        .arg("--data")
        .arg(data)
        .args(flags)
        .output()
        .expect("the binary runs")
}

/// Expects a failure whose last line on standard error has all of these words.
fn refused(output: &Output, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let sentences = stderr.lines().filter(|line| line.starts_with("binnacle:")).count();
    assert!(sentences == 1 && !stderr.contains("panicked"), "{stderr}");
    let last = stderr.lines().last().unwrap_or_default();
    for word in words {
        assert!(last.contains(word), "{word:?} is not in {last:?}");
    }
}

#[test]
fn a_port_in_use_is_named_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = tempfile::tempdir().unwrap();
    for flag in ["--listen", "--otlp-grpc", "--otlp-http"] {
        let ports = ["--listen", "--otlp-grpc", "--otlp-http"]
            .map(|port| format!("{port}={}", if port == flag { &address } else { "127.0.0.1:0" }));
        let output = Command::new(env!("CARGO_BIN_EXE_binnacle"))
            .env_clear()
            .args(ports)
            .arg("--data")
            .arg(data.path())
            .output()
            .unwrap();
        refused(&output, &["can't listen on", &address, flag]);
        assert!(std::fs::read_dir(data.path()).unwrap().next().is_none(), "it touched the data directory");
    }
}

/// Reads its log until a line has a word, and gives what follows that.
fn after(log: &mut impl BufRead, word: &str) -> String {
    let mut said = String::new();
    for line in log.by_ref().lines() {
        let line = line.expect("its log is text");
        if let Some((_, rest)) = line.split_once(word) {
            return rest.trim().to_owned();
        }
        said.push_str(&line);
        said.push('\n');
    }
    panic!("it ended before {word:?}: {said}");
}

#[test]
fn a_stop_ends_streams_and_half_sent_bodies_and_is_no_failure() {
    let place = tempfile::tempdir().unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_binnacle"))
        .env_clear()
        .env("NO_COLOR", "1")
        .env("LEPTOS_SITE_ROOT", support::site(place.path()))
        .args(["--no-demo", "--listen", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"])
        .arg("--data")
        .arg(place.path().join("data"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap());
    let receivers: Vec<String> = (0..2).map(|_| after(&mut log, "receiving OTLP address=")).collect();
    let ui = after(&mut log, "open http://");
    let mut stream = TcpStream::connect(&ui).unwrap();
    stream.write_all(format!("GET /live HTTP/1.1\r\nHost: {ui}\r\n\r\n").as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    // Whichever of the two takes HTTP/1.1 waits for the rest.
    let halves: Vec<TcpStream> = receivers
        .iter()
        .map(|address| {
            let mut half = TcpStream::connect(address).unwrap();
            let head = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf";
            half.write_all(format!("{head}\r\nContent-Length: 1000\r\n\r\nhalf").as_bytes()).unwrap();
            half
        })
        .collect();
    let killed = Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let status = process.wait().unwrap();
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    drop((stream, halves));
    assert_eq!(status.code(), Some(0), "{rest}");
    assert!(rest.contains("shutting down") && !rest.contains("did not end"), "{rest}");
}

#[test]
fn an_unreadable_kubeconfig_is_named() {
    let data = tempfile::tempdir().unwrap();
    let missing = data.path().join("nobody.yaml");
    refused(&run(data.path(), &["--kubeconfig", missing.to_str().unwrap()]), &["nobody.yaml"]);
    let broken = data.path().join("broken.yaml");
    std::fs::write(&broken, "{{{ not yaml").unwrap();
    refused(&run(data.path(), &["--kubeconfig", broken.to_str().unwrap()]), &["broken.yaml"]);
}

#[test]
fn a_data_directory_that_cant_be_written_is_named() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    refused(&run(&file.join("data"), &[]), &["data directory", "can't be written"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "in the way");
}

/// What is in a data directory: all files with their bytes.
fn files(data: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in [data.to_owned(), data.join("raw"), data.join("summaries")] {
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        found.extend(paths.filter(|path| path.is_file()).map(|path| (path.clone(), std::fs::read(path).unwrap())));
    }
    found
}

/// Makes what a store leaves in a data directory that was used once, with a partition that is empty.
fn used(data: &Path) {
    let keep = store::Keep { age: model::DAY, bytes: 1_000_000_000 };
    let config = store::Config { path: data.to_owned(), raw: keep, summaries: keep };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { store::Store::open(config).await.unwrap().close().await.unwrap() });
    std::fs::write(data.join("raw/1000.db"), "").unwrap();
    std::fs::write(data.join("summaries/0.db"), "").unwrap();
}

/// An account without privileges: to root, rights are nothing.
const NOBODY: u32 = 65_534;

#[test]
fn a_data_directory_without_the_right_to_write_is_named_and_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    used(&data);
    let binary = File::open(env!("CARGO_BIN_EXE_binnacle")).unwrap();
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let places = ["", "raw", "summaries", "lock", "meta.db", "raw/1000.db", "summaries/0.db"].map(|name| {
        let path = if name.is_empty() { data.clone() } else { data.join(name) };
        if is_root {
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        path
    });
    std::fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
    let before = files(&data);
    for path in &places {
        let (with, without) = if path.is_dir() { (0o755, 0o555) } else { (0o644, 0o444) };
        std::fs::set_permissions(path, Permissions::from_mode(without)).unwrap();
        // By its descriptor, since a directory above the binary may be closed to others.
        let mut command = Command::new(format!("/proc/self/fd/{}", binary.as_raw_fd()));
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let output = run_as(&mut command, &data, &[]);
        std::fs::set_permissions(path, Permissions::from_mode(with)).unwrap();
        let why = format!("{}: Permission denied", path.display());
        refused(&output, &["the data directory can't be written", &why]);
        assert!(files(&data) == before, "something was touched where {} may not be written", path.display());
    }
}

#[tokio::test]
async fn a_second_process_on_the_same_data_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let keep = store::Keep { age: model::DAY, bytes: 1_000_000_000 };
    let config = store::Config { path: data.path().to_owned(), raw: keep, summaries: keep };
    let first = store::Store::open(config).await.unwrap();
    refused(&run(data.path(), &[]), &["another binnacle is using", "--data"]);
    first.close().await.unwrap();
}

#[test]
fn a_database_from_a_newer_version_is_refused_and_left_alone() {
    for name in ["meta.db", "raw/1000.db", "summaries/0.db"] {
        let data = tempfile::tempdir().unwrap();
        used(data.path());
        let path = data.path().join(name);
        // Of an empty partition, too, the header is a database's.
        let mut bytes = std::fs::read(data.path().join("meta.db")).unwrap();
        // SQLite keeps `user_version` big-endian at offset 60 of the header.
        bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
        std::fs::write(&path, &bytes).unwrap();
        let before = files(data.path());
        refused(&run(data.path(), &[]), &[path.to_str().unwrap(), "newer version"]);
        assert!(files(data.path()) == before, "something beside {name} was touched");
    }
}

#[test]
fn listening_beyond_loopback_without_sign_in_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_binnacle"))
        .env_clear()
        .args(["--listen", "0.0.0.0:0", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    refused(&output, &["--auth-token", "--insecure-no-auth"]);
}
