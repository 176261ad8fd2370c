//! A NATS of a test's own: Debian's nats-server on a free port of loopback, with a directory that goes with it.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use flowgauge_hub::Options;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::support::{options, within};

/// A server that runs, unless it was killed.
pub(crate) struct Nats {
    child: Child,
    port: u16,
    hidden: Option<u16>,
    arguments: Vec<String>,
    pub(crate) files: TempDir,
}

impl Nats {
    /// A server with JetStream; none, which is said, where there is no nats-server.
    pub(crate) async fn start() -> Option<Self> {
        Self::with(&[], |_| {}).await
    }

    /// One with these arguments, in which DIR stands for a directory that `fill` may put files into.
    pub(crate) async fn with(arguments: &[&str], fill: impl FnOnce(&TempDir)) -> Option<Self> {
        let files = TempDir::new().unwrap();
        fill(&files);
        let dir = files.path().to_str().unwrap();
        let arguments: Vec<_> = arguments.iter().map(|argument| argument.replace("DIR", dir)).collect();
        let port = free_port();
        let Some(child) = run(dir, port, &arguments) else {
            eprintln!("skipped: there is no nats-server here (scripts/setup --test installs it)");
            return None;
        };
        let nats = Self { child, port, hidden: None, arguments, files };
        nats.ready().await;
        Some(nats)
    }

    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Options of a hub with this broker.
    pub(crate) fn options(&self) -> Options {
        Options { broker: Some(self.url("nats")), max_message_bytes: 1 << 16, ..options() }
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again where it was.
    pub(crate) async fn restart(&mut self) {
        self.child = run(self.files.path().to_str().unwrap(), self.port, &self.arguments).unwrap();
        self.ready().await;
    }

    /// Starts it again on another port, where the hubs do not look.
    pub(crate) async fn hide(&mut self) {
        self.hidden = Some(std::mem::replace(&mut self.port, free_port()));
        self.restart().await;
    }

    /// Starts it again where it was before it hid.
    pub(crate) async fn come_back(&mut self) {
        self.kill();
        self.port = self.hidden.take().unwrap();
        self.restart().await;
    }

    /// What somebody else does with the stream.
    pub(crate) async fn jetstream(&self) -> async_nats::jetstream::Context {
        async_nats::jetstream::new(async_nats::connect(self.url("nats")).await.unwrap())
    }

    async fn ready(&self) {
        within(async {
            // Without JetStream yet, it would say so; it says nothing before.
            while !self.greets().await {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }

    async fn greets(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)).await else { return false };
        let mut first = [0; 4];
        matches!(timeout(Duration::from_secs(1), stream.read_exact(&mut first)).await, Ok(Ok(_))) && &first == b"INFO"
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn run(dir: &str, port: u16, arguments: &[String]) -> Option<Child> {
    // Debian has it where a user's PATH may not look.
    let program = [PathBuf::from("nats-server"), PathBuf::from("/usr/sbin/nats-server")];
    program.iter().find_map(|program| {
        Command::new(program)
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd", dir, "-l", &format!("{dir}/log")])
            .args(arguments)
            .stdin(Stdio::null())
            .spawn()
            .ok()
    })
}
