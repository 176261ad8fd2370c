//! The command on a wire; a binary of its own, see `tests/live.rs` of the library.

#[path = "../../tests/live/namespace.rs"]
mod namespace;
#[expect(dead_code, reason = "the other tests of the command need more")]
#[path = "it/support.rs"]
mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use namespace::{in_namespace, in_namespace_under};
use support::{Run, await_that, flowgauge, run, signal};

/// A socket whose datagrams to 10.0.0.2 and 10.0.0.3 go over the wire to `veth1`, where nobody lives.
fn sender() -> UdpSocket {
    namespace::shell(
        "ip address add 10.0.0.1/24 dev veth0; \
         for host in 2 3; do ip neighbour add 10.0.0.$host lladdr 02:00:00:00:00:0$host dev veth0; done",
    );
    UdpSocket::bind("10.0.0.1:1000").unwrap()
}

/// Runs the command and waits until it listens.
fn listen(arguments: &str) -> Child {
    let before = packet_sockets();
    let mut command = flowgauge();
    command.args(arguments.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    await_that("the command listens", || packet_sockets() > before);
    // The socket is there; its buffer comes a moment later.
    thread::sleep(Duration::from_millis(300));
    child
}

fn packet_sockets() -> usize {
    std::fs::read_to_string("/proc/thread-self/net/packet").unwrap().lines().count()
}

#[test]
fn ctrl_c_writes_the_flows_and_the_ledger() {
    in_namespace(|| {
        let socket = sender();
        for workers in [0, 2] {
            let child = listen(&format!("-i veth1 -j {workers} --report"));
            for _ in 0..3 {
                socket.send_to(b"hello", "10.0.0.2:2000").unwrap();
            }
            socket.send_to(b"hello", "10.0.0.3:2000").unwrap();
            thread::sleep(Duration::from_millis(500));
            signal("INT", child.id());
            let since = Instant::now();
            let run = Run::of(&child.wait_with_output().unwrap());
            assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
            assert_eq!(run.code, 130, "{}", run.err);
            let mut records = run.records();
            records.sort_by_key(|record| record["ip_dst"].to_string());
            assert_eq!(records.len(), 2, "{}", run.out);
            assert_eq!((&records[0]["src_to_dst_pkts"], &records[0]["src_to_dst_bytes"]), (&3.into(), &141.into()));
            assert_eq!((&records[1]["src_to_dst_pkts"], &records[1]["export_reason"]), (&1.into(), &2.into()));
            assert_eq!((&run.ledger()["packets"], &run.ledger()["dropped"]["kernel"]), (&4.into(), &0.into()));
        }
    });
}

#[test]
fn ctrl_c_is_heard_on_a_wire_on_which_nothing_came() {
    in_namespace(|| {
        let child = listen("-i veth1");
        signal("INT", child.id());
        let since = Instant::now();
        let run = Run::of(&child.wait_with_output().unwrap());
        let summary = "0 packets captured, 0 flows\n0 packets dropped by kernel\n";
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (130, "", summary));
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    });
}

#[test]
fn a_wire_is_left_after_so_many_frames() {
    in_namespace(|| {
        let socket = sender();
        let mut child = listen("-i veth1 -c 3 --report udp and dst host 10.0.0.2");
        for _ in 0..5 {
            socket.send_to(b"hello", "10.0.0.3:2000").unwrap();
            socket.send_to(b"hello", "10.0.0.2:2000").unwrap();
        }
        await_that("the command ends", || child.try_wait().unwrap().is_some());
        let run = Run::of(&child.wait_with_output().unwrap());
        assert_eq!((run.code, &run.ledger()["frames_read"]), (0, &3.into()));
        assert_eq!(run.records()[0]["src_to_dst_pkts"], 3);
    });
}

#[test]
fn an_interface_that_cannot_be_opened_is_an_error_of_its_own() {
    in_namespace(|| {
        for (arguments, message) in [
            ("-i nowhere", "flowgauge: no such interface: \"nowhere\"\n"),
            ("-i lo host and", "flowgauge: cannot compile the BPF filter \"host and\": "),
        ] {
            let run = run(arguments);
            assert_eq!((run.code, run.out.as_str()), (1, ""));
            assert!(run.err.starts_with(message), "{}", run.err);
        }
        assert!(Command::new("ip").args(["link", "set", "veth1", "down"]).status().unwrap().success());
        let run = run("-i veth1");
        let message = "flowgauge: cannot capture on interface \"veth1\": That device is not up\n";
        assert_eq!((run.code, run.err.as_str()), (1, message));
    });
}

#[test]
fn whoever_may_not_capture_is_told_what_to_do() {
    in_namespace_under(&["setpriv", "--bounding-set", "-net_raw"], || {
        let run = run("-i lo");
        assert_eq!((run.code, run.out.as_str()), (1, ""));
        assert_eq!(
            run.err,
            "flowgauge: not allowed to capture on interface \"lo\" (run as root, or grant it: `setcap cap_net_raw+ep \
             PROGRAM`)\n"
        );
    });
}

/// What the command shows of what is sent comes at once, in lines with these ends, and Ctrl-C ends it.
fn shows_at_once(arguments: &str, mut send: impl FnMut(), ends: &[&str], summary: &str) {
    let mut child = listen(arguments);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (mut shown, mut soonest) = (Vec::new(), Duration::MAX);
    for _ in 0..5 {
        let since = Instant::now();
        send();
        for _ in ends {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            shown.push(line);
        }
        soonest = soonest.min(since.elapsed());
    }
    signal("INT", child.id());
    let since = Instant::now();
    let run = Run::of(&child.wait_with_output().unwrap());
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    assert_eq!(run.code, 130, "{}", run.err);
    assert!(run.err.contains(summary), "{}", run.err);
    for (line, end) in shown.iter().zip(ends.iter().cycle()) {
        assert!(line.ends_with(&format!("{end}\n")), "{shown:?}");
    }
    // The machine may be slow, but not every time.
    assert!(soonest < Duration::from_millis(200), "{soonest:?}");
}

#[test]
fn a_watched_packet_shows_at_once_and_ctrl_c_ends_it() {
    in_namespace(|| {
        let socket = sender();
        let send = || _ = socket.send_to(b"hello", "10.0.0.2:2000").unwrap();
        let line = " - UDP IP 10.0.0.1(internal)--> 10.0.0.2(internal)";
        shows_at_once("watch -s -i veth1 udp", send, &[line], "flowgauge: 5 packets\n");
    });
}

#[test]
fn a_dns_message_shows_at_once_and_ctrl_c_ends_it() {
    in_namespace(|| {
        let socket = sender();
        let question = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\x02de\0\0\x01\0\x01";
        let send = || {
            socket.send_to(b"hello", "10.0.0.2:53").unwrap();
            socket.send_to(question, "10.0.0.2:53").unwrap();
        };
        let line = " - DNS query 10.0.0.1 --> 10.0.0.2 A a.de";
        shows_at_once("dns -i veth1", send, &[line], "flowgauge: 5 DNS messages\n");
    });
}

#[test]
fn an_http_request_shows_at_once_and_ctrl_c_ends_it() {
    in_namespace(|| {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut open = Vec::new();
        let send = || {
            let mut client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
            client.write_all(b"GET /a HTTP/1.1\r\nHost: a.de\r\nUser-Agent: b\r\n\r\n").unwrap();
            // It stays open: what is shown does not wait for its end.
            open.push((client, server.accept().unwrap()));
        };
        let block =
            ["HTTP_REQUEST", "\tPayload Size: 46", " --> Host: a.de", "\tURI: /a", "\tReferer: -", "\tAgent: b", ""];
        shows_at_once("urls -i lo", send, &block, "flowgauge: 5 HTTP messages, 0 TLS records\n");
    });
}

#[cfg(feature = "hub")]
#[test]
fn a_sensor_on_a_wire_says_what_it_sees() {
    in_namespace(|| {
        let socket = sender();
        let child = listen("sensor -i veth1 --hub - --interval 0.3 -n lab");
        for _ in 0..3 {
            socket.send_to(b"hello", "10.0.0.2:2000").unwrap();
        }
        thread::sleep(Duration::from_millis(1200));
        signal("INT", child.id());
        let since = Instant::now();
        let run = Run::of(&child.wait_with_output().unwrap());
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
        // An interruption is how it ends.
        assert_eq!(run.code, 0, "{}", run.err);
        let messages = run.records();
        let of = |topic: &str| messages.iter().filter(|one| one["topic"] == topic).collect::<Vec<_>>();
        let counts = of("packets.count");
        assert!(counts.len() >= 3, "{}", run.out);
        let packets: u64 = counts.iter().map(|one| one["payload"]["packets"].as_u64().unwrap()).sum();
        assert_eq!(packets, 3);
        assert_eq!(of("flow.record")[0]["payload"]["src_to_dst_pkts"], 3);
        assert_eq!(of("sensor.status").len(), counts.len());
        assert!(messages.iter().all(|one| one["sensor"] == "lab"));
    });
}

#[cfg(feature = "hub")]
#[test]
fn a_machine_shows_itself_in_a_browser() {
    fn get(address: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        answer
    }
    in_namespace(|| {
        let socket = sender();
        assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
        let mut command = flowgauge();
        let mut child = command.args(["-i", "veth1", "--live=127.0.0.1:0"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let address = line.split('/').nth(2).unwrap().to_owned();
        assert_eq!(line, format!("flowgauge: http://{address}/ shows veth1, until Ctrl-C"));
        let taken = run(&format!("-i veth1 --live={address}"));
        assert_eq!(taken.code, 1);
        assert!(taken.err.contains(&address) && taken.err.contains("--live=ADDRESS:PORT"), "{}", taken.err);
        assert!(get(&address, "/").contains("<title>"));
        socket.send_to(b"hello", "10.0.0.2:2000").unwrap();
        await_that("the sensor is there", || get(&address, "/status").contains("\"part\":\"publisher\""));
        signal("INT", child.id());
        let since = Instant::now();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    });
    let open = run("-i lo --live=0.0.0.0:0");
    assert_eq!((open.code, open.out.as_str()), (2, ""));
    assert!(open.err.contains("insecure") || open.err.contains("tokens"), "{}", open.err);
}
