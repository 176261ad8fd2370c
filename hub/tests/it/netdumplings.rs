//! The programs of netdumplings 0.5.1 themselves, against our two ports.
//!
//! They are in `target/netdumplings` where somebody put them: `python3.11 -m venv target/netdumplings`, then with its pip
//! `install websockets==10.4 click==7.1.2 scapy==2.4.5 pygments termcolor colorama` and `install --no-deps netdumplings==0.5.1`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use flowgauge_hub::Options;
use flowgauge_hub::client::Publisher;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::UdpSocket;
use tokio::process::{Child, Command};

use crate::publishing::{LONG, finish, named, publish};
use crate::support::{Client, Running, message, until, with_compat, within};

/// The program, if it is there.
fn program(name: &str, arguments: &[&str]) -> Option<Child> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/netdumplings/bin");
    let path = folder.join(name);
    if !path.exists() {
        eprintln!("skipped: no {} (netdumplings 0.5.1 is not installed there)", path.display());
        return None;
    }
    let mut command = Command::new(folder.join("python"));
    command.arg("-c").arg(LOADED).arg(path).args(arguments).env("PYTHONUNBUFFERED", "1").kill_on_drop(true);
    Some(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

fn often() -> Options {
    Options { status_interval: Duration::from_millis(300), ..with_compat() }
}

/// What the program writes up to a line, or piece, with this text.
async fn read_to(child: &mut Child, text: &str) -> String {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut all = Vec::new();
    within(async {
        while !String::from_utf8_lossy(&all).contains(text) {
            let mut piece = [0; 4096];
            let read = out.read(&mut piece).await.unwrap();
            assert_ne!(read, 0, "it ended with {:?}", String::from_utf8_lossy(&all));
            all.extend_from_slice(&piece[..read]);
        }
    })
    .await;
    String::from_utf8_lossy(&all).into_owned()
}

async fn connected(hub: &Running, name: &str) {
    until(async || hub.status().await["peers"].to_string().contains(name)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nd_print_prints_messages_of_ours() {
    let hub = Running::start(with_compat()).await;
    let address = hub.at.compat_out.unwrap().to_string();
    let Some(mut print) = program("nd-print", &["--hub", &address, "--no-color"]) else { return };
    connected(&hub, "printereater").await;
    let mut lab = hub.publisher("lab").await;
    for (number, trigger) in (4711..).zip(["packet", "flow", "interval"]) {
        lab.send(message("lab", &format!("topic.{trigger}"), number).replace("\"packet\"", &format!("\"{trigger}\"")))
            .await;
    }
    let printed = read_to(&mut print, "topic.interval from lab").await;
    assert!(printed.contains("topic.packet from lab") && printed.contains("topic.flow from lab"), "{printed}");
    assert!(printed.contains("4711"));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nd_hubstatus_and_nd_hubdetails_show_the_hub() {
    let hub = Running::start(often()).await;
    let address = hub.at.compat_out.unwrap().to_string();
    let Some(mut status) = program("nd-hubstatus", &["--hub", &address, "--no-color"]) else { return };
    let _lab = hub.publisher("lab").await;
    let _kitchen = hub.kitchen("kitchen").await;
    let line = read_to(&mut status, "kitchens: 2").await;
    assert!(line.contains("uptime: 00:00:") && line.contains("eaters: 1"), "{line}");
    let mut details = program("nd-hubdetails", &["--hub", &address, "--no-color"]).unwrap();
    let mut told = String::new();
    let mut out = details.stdout.take().unwrap();
    within(out.read_to_string(&mut told)).await.unwrap();
    assert!(within(details.wait()).await.unwrap().success());
    assert!(told.contains("kitchen") && told.contains("lab") && told.contains("statuseater"), "{told}");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nd_sniff_sends_what_subscribers_of_ours_get() {
    let hub = Running::start(with_compat()).await;
    let address = hub.at.compat_in.unwrap().to_string();
    // It waits for its first interval, which comes at once, also where it may not capture.
    let arguments =
        ["--hub", &address, "-i", "lo", "-n", "sniffer", "-f", "udp port 9", "-p", "0.2", "-c", "PacketCountChef"];
    let (mut desk, _) = hub.subscriber(json!({"sensors": ["sniffer"]})).await;
    let Some(mut sniff) = program("nd-sniff", &arguments) else { return };
    let mut errors = BufReader::new(sniff.stderr.take().unwrap()).lines();
    let logged = tokio::spawn(async move {
        while let Ok(Some(line)) = errors.next_line().await {
            eprintln!("{line}");
        }
    });
    connected(&hub, "sniffer").await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let got = within(async {
        loop {
            let _ = socket.send_to(b"discarded", "127.0.0.1:9").await;
            let value = desk.value().await;
            if value["message"]["payload"]["packet_counts"]["UDP"].as_u64() > Some(0) {
                return value;
            }
        }
    })
    .await;
    assert_eq!((&got["message"]["topic"], &got["message"]["trigger"]), (&json!("PacketCountChef"), &json!("interval")));
    // It has processes of its own, which only end with it when it is interrupted.
    let interrupted = Command::new("kill").args(["-INT", &sniff.id().unwrap().to_string()]).status();
    assert!(interrupted.await.unwrap().success());
    hub.stop().await;
    let _ = within(sniff.wait()).await;
    logged.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn nd_hub_takes_a_publisher_of_ours_for_a_kitchen() {
    let port = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (kitchens, eaters) = (port(), port());
    let arguments = ["-a", "127.0.0.1", "-i", &kitchens.to_string(), "-o", &eaters.to_string(), "-f", "1"];
    let Some(mut hub) = program("nd-hub", &arguments) else { return };
    let mut eater = None;
    until(async || {
        eater = Client::open(&format!("ws://127.0.0.1:{eaters}/"), &[]).await.ok();
        eater.is_some()
    })
    .await;
    let mut eater = eater.unwrap();
    eater.say(&json!({"eater_name": "test"})).await;
    let mut options = named(&format!("netdumplings://127.0.0.1:{kitchens}"));
    options.interface = "eth0".to_owned();
    options.chefs = vec!["DNSLookupChef".to_owned()];
    let publisher = Publisher::start(options).unwrap();
    // The hub has no word for who is there but its status.
    let is_status = |value: &Value| value["metadata"]["chef"] == "SystemStatusChef";
    loop {
        let told = eater.value().await;
        if is_status(&told) && told["payload"]["dumpling_kitchen_count"] == 1 {
            let kitchen = &told["payload"]["dumpling_kitchens"][0]["info_from_kitchen"];
            let hello = json!({"kitchen_name": "lab", "interface": "eth0", "filter": "", "chefs": ["DNSLookupChef"],
                "poke_interval": 5.0});
            assert_eq!(*kitchen, hello);
            break;
        }
    }
    publish(&publisher, 1..=100);
    for number in 1..=100 {
        let dumpling = loop {
            let value = eater.value().await;
            if !is_status(&value) {
                break value;
            }
        };
        assert_eq!((&dumpling["metadata"]["chef"], &dumpling["metadata"]["kitchen"]), (&json!("a"), &json!("lab")));
        assert_eq!((&dumpling["metadata"]["driver"], &dumpling["payload"]), (&json!("packet"), &json!(number)));
    }
    let counters = finish(publisher, LONG).await;
    assert_eq!((counters.unconfirmed, counters.connections), (100, 1));
    hub.kill().await.unwrap();
}

/// websockets 10 loads its parts when they are first asked for by import; the programs are of a time when they were there.
const LOADED: &str = "import runpy, sys, websockets.client, websockets.exceptions; del sys.argv[0]; \
                      runpy.run_path(sys.argv[0], run_name='__main__')";
