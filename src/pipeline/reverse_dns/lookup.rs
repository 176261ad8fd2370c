//! Asking for a name: the system, or a server of one's choice. It may take long, so it is done in threads of its own.

use std::fmt::Write;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use dns_lookup::{LookupErrorKind, getnameinfo};

use crate::dissect::dns::{Data, Message};
use crate::pipeline::{Domain, Label, Resolver};

/// What asking came to; `None` is no answer that could be used.
pub(super) type Answer = Option<Domain>;

/// Asks for the name of an address. Returns within the resolver's own patience, or here about four seconds.
pub(super) fn ask(resolver: Resolver, address: IpAddr) -> Answer {
    match resolver {
        Resolver::Off => None,
        Resolver::System => ask_system(address),
        Resolver::Server(server) => ask_server(server, address).ok().flatten(),
    }
}

fn ask_system(address: IpAddr) -> Answer {
    match getnameinfo(&SocketAddr::new(address, 0), NAME_REQUIRED) {
        Ok((name, _)) => named(&name),
        Err(error) if matches!(error.kind(), LookupErrorKind::NoName) => Some(Domain::Label(Label::Nxdomain)),
        Err(_) => None,
    }
}

fn ask_server(server: SocketAddr, address: IpAddr) -> io::Result<Answer> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let question = arpa(address);
    let mut buffer = [0; 2048];
    for _ in 0..TRIES {
        // A port of its own for every question: who wants to forge an answer has to guess it.
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(server)?;
        let id = random();
        socket.send(&query(id, &question))?;
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            socket.set_read_timeout(Some(left))?;
            let len = match socket.recv(&mut buffer) {
                Ok(len) => len,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if let Some(answer) = read(&buffer[..len], id, &question) {
                return Ok(answer);
            }
        }
    }
    Ok(None)
}

/// What a message answers; `None` when it is not the answer to this question.
fn read(bytes: &[u8], id: u16, question: &str) -> Option<Answer> {
    let message = Message::parse(bytes)?;
    let asked = message.question()?;
    let ours = message.is_response && message.id == id && asked.kind == PTR;
    if !ours || !asked.name.eq_ignore_ascii_case(question) {
        return None;
    }
    // In the reverse tree, addresses may have other names there first (RFC 2317).
    let name = message.answers.iter().find_map(|record| match &record.data {
        Data::Name(name) if record.kind == PTR => Some(name),
        _ => None,
    });
    Some(match (message.rcode, name) {
        (0, Some(name)) => named(name),
        (0 | NXDOMAIN, _) => Some(Domain::Label(Label::Nxdomain)),
        _ => None,
    })
}

/// A name as a domain: only visible ASCII, and no name that could be taken for a label.
fn named(name: &str) -> Answer {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut safe = String::with_capacity(name.len());
    for byte in name.bytes().take(MAX_NAME) {
        match byte {
            b'!'..=b'~' => safe.push(char::from(byte)),
            // Writing into a string cannot fail.
            _ => drop(write!(safe, "\\{byte:03}")),
        }
    }
    if safe.is_empty() {
        return None;
    }
    Some(Domain::named(&safe))
}

fn query(id: u16, question: &str) -> Vec<u8> {
    // Recursion is desired; one question.
    let mut message = [id, 0x0100, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
    for label in question.split('.') {
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend([PTR, INTERNET].map(u16::to_be_bytes).concat());
    message
}

/// The name in the reverse tree that stands for an address (RFC 1035 §3.5, RFC 3596 §2.5).
fn arpa(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let mut name = String::with_capacity(72);
            for octet in address.octets().iter().rev() {
                // Writing into a string cannot fail.
                let _ = write!(name, "{:x}.{:x}.", octet & 15, octet >> 4);
            }
            name + "ip6.arpa"
        }
    }
}

/// A number that nobody outside can guess.
fn random() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0u8) as u16
}

/// Without it, getnameinfo gives the address itself where there is no name (RFC 3493 §6.2).
const NAME_REQUIRED: i32 = 8;
const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: usize = 2;
const PTR: u16 = 12;
const INTERNET: u16 = 1;
const NXDOMAIN: u8 = 3;
const MAX_NAME: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_names_in_the_reverse_tree() {
        assert_eq!(arpa("192.0.2.7".parse().unwrap()), "7.2.0.192.in-addr.arpa");
        let v6 = "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa";
        assert_eq!(arpa("4321:0:1:2:3:4:567:89ab".parse().unwrap()), v6);
    }

    #[test]
    fn only_the_answer_to_the_question_counts() {
        let question = arpa("192.0.2.7".parse().unwrap());
        let answer = |id: u16, rcode: u8, question: &str, name: &str| {
            let mut message = query(id, question);
            message[2] |= 0x80;
            message[3] |= rcode;
            if !name.is_empty() {
                message[7] = 1;
                message.extend([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 9, 0, name.len() as u8 + 2, name.len() as u8]);
                message.extend(name.as_bytes());
                message.push(0);
            }
            message
        };
        let name = |text: &str| Some(Some(Domain::Name(text.into())));
        assert_eq!(read(&answer(7, 0, &question, "host"), 7, &question), name("host"));
        assert_eq!(read(&answer(8, 0, &question, "host"), 7, &question), None);
        assert_eq!(read(&answer(7, 0, "8.2.0.192.in-addr.arpa", "host"), 7, &question), None);
        assert_eq!(read(&answer(7, 0, &question, "a\x1b[2J"), 7, &question), name("a\\027[2J"));
        assert_eq!(read(&answer(7, 0, &question, "internal"), 7, &question), name("internal."));
        // Where an address has another name first, that is none of its own; nor is a text.
        for kind in [5, 16] {
            let mut other = answer(7, 0, &question, "host");
            let at = query(7, &question).len() + 3;
            other[at] = kind;
            assert_eq!(read(&other, 7, &question), Some(Some(Domain::Label(Label::Nxdomain))), "{kind}");
        }
        let none = Some(Some(Domain::Label(Label::Nxdomain)));
        assert_eq!(read(&answer(7, 3, &question, ""), 7, &question), none);
        assert_eq!(read(&answer(7, 0, &question, ""), 7, &question), none);
        assert_eq!(read(&answer(7, 2, &question, ""), 7, &question), Some(None));
        assert_eq!(read(&query(7, &question), 7, &question), None);
        assert_eq!(read(b"nonsense", 7, &question), None);
    }
}
