//! `flowgauge hub`: where its options come from, how it runs and ends.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Run, flowgauge, signal};

fn check(arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    let mut command = flowgauge();
    command.args(["hub", "--check"]).args(arguments).envs(environment.iter().copied());
    Run::of(&command.output().unwrap())
}

#[test]
fn flags_outdo_the_environment_which_outdoes_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hub.toml");
    fs::write(&config, "name = \"file\"\nmax_publishers = 7\nstatus_interval = 2\ncompat = \"netdumplings\"\norigins = [\"http://a\"]\nlog_level = \"warn\"\n").unwrap();
    let config = config.to_str().unwrap();
    let environment = [("FLOWGAUGE_HUB_NAME", "environment"), ("FLOWGAUGE_HUB_MAX_PUBLISHERS", "8")];
    let told = check(&["--config", config, "--max-publishers", "9", "--insecure"], &environment).silent().out;
    for line in [
        "name = \"environment\"",
        "max_publishers = 9",
        "status_interval = 2.0",
        "compat = \"netdumplings\"",
        "origins = [\"http://a\"]",
        "insecure = true",
        "listen = \"127.0.0.1:11346\"",
        "log_level = \"warn\"",
        "log_format = \"text\"",
    ] {
        assert!(told.lines().any(|one| one == line), "{line} in {told}");
    }
    // What it tells is a file that tells the same.
    let again = folder.path().join("again.toml");
    fs::write(&again, &told).unwrap();
    assert_eq!(check(&["--config", again.to_str().unwrap()], &[]).silent().out, told);
}

#[test]
fn tokens_are_masked() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    fs::write(&tokens, "lab publish,status very-secret-0123456789\n").unwrap();
    let told = check(&["--tokens", tokens.to_str().unwrap()], &[]).silent().out;
    assert!(told.contains("# token of \"lab\": publish,status ********\n"), "{told}");
    assert!(!told.contains("secret"));
}

#[test]
fn what_cannot_be_kept_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("hub.toml");
    for (text, words) in [
        ("lisen = 1", "lisen"),
        ("listen = 1", "listen"),
        ("name = 1", "name"),
        ("\n=", "line 2"),
        ("max_publishers = -1", "max_publishers"),
    ] {
        fs::write(&config, text).unwrap();
        let run = check(&["--config", config.to_str().unwrap()], &[]);
        assert_eq!(run.code, 2);
        assert!(run.err.contains(words), "{text}: {}", run.err);
    }
    for (arguments, words) in [
        (["--listen", "0.0.0.0:1"], "needs tls_certificate"),
        (["--max-message-bytes", "1"], "from 1024"),
        (["--tokens", "/nowhere"], "/nowhere"),
        (["--broker", "nats://lab:secret@localhost"], "broker_token"),
        (["--broker", "nats://192.0.2.1"], "tls://"),
        (["--config", "/nowhere"], "/nowhere"),
        (["--log-level=warn", "--hello-timeout=-1"], "seconds"),
    ] {
        let run = check(&arguments, &[]);
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.err.contains(words), "{}", run.err);
    }
    assert!(check(&[], &[("FLOWGAUGE_HUB_LISEN", "1")]).err.contains("FLOWGAUGE_HUB_LISEN"));
}

#[test]
fn it_logs_where_it_listens_serves_and_ends_well_when_it_is_told_to() {
    for name in ["INT", "TERM"] {
        let mut command = flowgauge();
        command.args(["hub", "--listen", "127.0.0.1:0", "--compat", "netdumplings", "--compat-in", "0"]);
        command.args(["--compat-out", "0", "--log-format", "json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(listening["message"], "listening");
        let address = listening["http"].as_str().unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
        signal(name, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let ended: Value = serde_json::from_str(&lines.last().unwrap().unwrap()).unwrap();
        // The two of its own: one a protocol.
        assert_eq!((&ended["message"], &ended["received"]), (&"ended".into(), &2.into()));
    }
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = Run::of(&flowgauge().args(["hub", "--listen", &address]).output().unwrap());
    assert_eq!(run.code, 1);
    assert!(run.err.contains(&format!("flowgauge: cannot listen on {address}")), "{}", run.err);
}
