//! The hub in a process of its own: started, measured, ended.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use flowgauge_hub::Options;
use serde_json::Value;
use tokio::time::sleep;

/// Says to this program that it is the hub.
pub(crate) const ARGUMENT: &str = "--hub";

/// A hub that runs in a process of its own until this is dropped.
pub(crate) struct Hub {
    pub(crate) at: SocketAddr,
    child: Child,
    /// When it is closed, the hub ends.
    stdin: Option<ChildStdin>,
}

/// Is the hub: says on standard output where it listens, and ends with standard input.
pub(crate) fn serve() -> io::Result<()> {
    let options = Options {
        listen: "127.0.0.1:0".parse().expect("an address"),
        // What bounds a publisher by default is not what is measured.
        max_messages_per_second: 1_000_000,
        // One message of its own as it begins, and no pings, which nobody here would answer.
        status_interval: Duration::from_secs(3600),
        ping_interval: Duration::from_secs(3600),
        shutdown_grace: Duration::from_millis(100),
        ..Options::default()
    };
    let ended = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ended);
    std::thread::spawn(move || {
        let _ = io::stdin().read(&mut [0]);
        end.store(true, Relaxed);
    });
    let snapshot = flowgauge_hub::run(
        options,
        |at| {
            println!("{}", at.http);
            let _ = io::stdout().flush();
        },
        &|| ended.load(Relaxed),
    )
    .map_err(io::Error::other)?;
    snapshot.check().map_err(io::Error::other)
}

impl Hub {
    pub(crate) async fn start() -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line)?;
        let at = line.trim().parse().map_err(io::Error::other)?;
        let hub = Self { at, child, stdin };
        // The message that it begins with is not to come between.
        hub.until(|status| status["sequence"].as_u64() >= Some(1)).await?;
        Ok(hub)
    }

    /// Ends the hub, for whose numbers both laws must hold.
    pub(crate) fn end(mut self) -> io::Result<()> {
        self.stdin = None;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("the hub ended with {status}"))) }
    }

    /// What `/status` tells.
    pub(crate) fn status(&self) -> io::Result<Value> {
        let mut stream = TcpStream::connect(self.at)?;
        write!(stream, "GET /status HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.at)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).map_err(io::Error::other)
    }

    /// Waits until the status is such.
    pub(crate) async fn until(&self, so: impl Fn(&Value) -> bool) -> io::Result<Value> {
        let began = Instant::now();
        loop {
            let status = self.status()?;
            if so(&status) {
                return Ok(status);
            }
            if began.elapsed() > Duration::from_secs(20) {
                return Err(io::Error::other(format!("the hub did not get there in 20 s: {}", status["messages"])));
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// CPU time of the hub, its threads and the kernel's work for them, in seconds.
    pub(crate) fn cpu_seconds(&self) -> io::Result<f64> {
        cpu_seconds(&self.child.id().to_string())
    }

    /// Memory that is there, and the most that ever was, in KiB.
    pub(crate) fn memory_kib(&self) -> io::Result<(u64, u64)> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let of = |key: &str| {
            let line = text.lines().find(|line| line.starts_with(key));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
                .ok_or_else(|| io::Error::other(format!("/proc/PID/status has no {key}")))
        };
        Ok((of("VmRSS:")?, of("VmHWM:")?))
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time of a process (`self` is this one), in seconds.
pub(crate) fn cpu_seconds(process: &str) -> io::Result<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name of the program, in brackets, may hold spaces; user and system time are fields 14 and 15 (proc(5)).
    let fields: Vec<_> = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
    Ok((ticks(11) + ticks(12)) / TICKS_A_SECOND)
}

/// Linux tells times of processes in these, whatever its own clock is.
const TICKS_A_SECOND: f64 = 100.0;
