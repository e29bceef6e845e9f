//! What tests that start the binary share.
#![allow(dead_code, reason = "each test file takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A site below a place, for `LEPTOS_SITE_ROOT`: pages need one, what is in it does not matter here.
pub(crate) fn site(place: &Path) -> PathBuf {
    let root = place.join("site");
    std::fs::create_dir_all(root.join("pkg")).unwrap();
    std::fs::write(root.join("pkg/binnacle.wasm"), "").unwrap();
    root
}

/// What a process says.
pub(crate) type Lines = Box<dyn BufRead + Send>;

/// Longer than anything takes where several tests share a processor.
const PATIENCE: Duration = Duration::from_secs(90);

/// The binary in an environment in which nothing is configured, with a temporary directory of its own.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) output: Option<Lines>,
}

impl Process {
    /// Starts it with these words.
    pub(crate) fn start(place: &Path, words: &[&str]) -> Self {
        std::fs::create_dir_all(place.join("tmp")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_binnacle"))
            .env_clear()
            .env("HOME", place)
            .env("TMPDIR", place.join("tmp"))
            .env("LEPTOS_SITE_ROOT", site(place))
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        Self { child, output: None }
    }

    /// Serves on free ports.
    pub(crate) fn serve(place: &Path, words: &[&str]) -> (Self, String) {
        let ports = ["--listen", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"];
        let mut process = Self::start(place, &[words, &ports].concat());
        process.output = process.child.stderr.take().map(|it| Box::new(BufReader::new(it)) as Lines);
        let line = process.line("open http://");
        let address = line.rsplit("http://").next().unwrap().trim().to_owned();
        // Whoever writes to a full pipe waits.
        std::thread::spawn({
            let mut rest = process.output.take().unwrap();
            move || std::io::copy(&mut rest, &mut std::io::sink())
        });
        (process, address)
    }

    /// The next line with these words.
    pub(crate) fn line(&mut self, words: &str) -> String {
        let mut seen = String::new();
        let output = self.output.as_mut().unwrap();
        while output.read_line(&mut seen).unwrap() > 0 {
            if let Some(line) = seen.lines().last().filter(|line| line.contains(words)) {
                return line.to_owned();
            }
        }
        panic!("{words:?} was never said:\n{seen}");
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already over after `stop`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a path answers, with its head.
pub(crate) fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Waits until something holds.
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
