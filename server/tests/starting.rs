//! What keeps the binary from starting is one clear sentence and a non-zero exit; nothing is damaged.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

/// Runs the binary with free ports and the given flags until it exits.
fn run(data: &Path, flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_binnacle"))
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
    assert!(!output.status.success(), "it started: {stderr}");
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
    let output = Command::new(env!("CARGO_BIN_EXE_binnacle"))
        .env_clear()
        .args(["--listen", "127.0.0.1:0", "--otlp-grpc", &address, "--otlp-http", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    refused(&output, &["can't listen on", &address, "--otlp-grpc"]);
    assert!(std::fs::read_dir(data.path()).unwrap().next().is_none(), "it touched the data directory");
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
    let data = tempfile::tempdir().unwrap();
    let keep = store::Keep { age: model::DAY, bytes: 1_000_000_000 };
    let config = store::Config { path: data.path().to_owned(), raw: keep, summaries: keep };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { store::Store::open(config).await.unwrap().close().await.unwrap() });
    let meta = data.path().join("meta.db");
    let mut bytes = std::fs::read(&meta).unwrap();
    // SQLite keeps `user_version` big-endian at offset 60 of the header.
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    std::fs::write(&meta, &bytes).unwrap();
    refused(&run(data.path(), &[]), &["meta.db", "newer version"]);
    assert_eq!(std::fs::read(&meta).unwrap(), bytes);
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
