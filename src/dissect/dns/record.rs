//! Records of DNS messages, and what is in them.

use std::net::{Ipv4Addr, Ipv6Addr};

use domain::base::iana::Rtype;
use domain::base::rdata::ParseRecordData;
use domain::base::{ParsedName, ParsedRecord};
use domain::rdata::{A, Aaaa, Caa, Cname, Dname, Hinfo, Https, Mx, Ns, Ptr, Soa, Srv, Svcb, Txt};

use crate::dissect::dns::text;
use crate::flow::Facts;

/// A record: what is known of a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Whom it is about, written as [`Question::name`](crate::dissect::dns::Question::name).
    pub name: String,
    /// Its type: 1 is an IPv4 address, 28 an IPv6 address (IANA DNS parameters).
    pub kind: u16,
    /// Its class: 1 is the internet. In mDNS the uppermost bit is none of it (RFC 6762 §10.2).
    pub class: u16,
    /// For how many seconds it may be believed. Of EDNS it is something else.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Data {
    /// A.
    V4(Ipv4Addr),
    /// AAAA.
    V6(Ipv6Addr),
    /// CNAME, DNAME, NS or PTR.
    Name(String),
    /// MX.
    Mail {
        /// The lower the better.
        preference: u16,
        /// Who takes mail.
        exchange: String,
    },
    /// SRV (RFC 2782).
    Server {
        /// The lower the better.
        priority: u16,
        /// How often it is chosen among its equals.
        weight: u16,
        /// The port.
        port: u16,
        /// The host.
        target: String,
    },
    /// TXT: its texts, each cut at [`Facts::MAX_TEXT`]. What is not UTF-8 is replaced.
    Texts(Vec<String>),
    /// SVCB and HTTPS (RFC 9460).
    Service(Box<Service>),
    /// SOA.
    Authority {
        /// The first name server.
        server: String,
        /// Who is responsible, with a dot for the @.
        mailbox: String,
        /// The version of the zone.
        serial: u32,
        /// Seconds: refresh, retry, expire, and how long it is believed that there is no such name.
        times: [u32; 4],
    },
    /// HINFO: machine and operating system.
    Host([String; 2]),
    /// CAA (RFC 8659).
    Issuer {
        /// 128 is critical.
        flags: u8,
        /// What is told: issue, issuewild, iodef.
        tag: String,
        /// The value of it.
        value: String,
    },
    /// OPT (RFC 6891): what whoever sent the message can do.
    Edns {
        /// Bytes that it takes in a datagram.
        udp_size: u16,
        /// The version, 0.
        version: u8,
        /// It wants records of DNSSEC.
        dnssec_ok: bool,
    },
    /// Bytes of another type.
    Other(Vec<u8>),
    /// Bytes that are not what their type must be.
    Broken(Vec<u8>),
}

/// Where and how a service is reached: SVCB and HTTPS.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Service {
    /// The lower the better; 0 is another name for it.
    pub priority: u16,
    /// The host; `.` is the name itself.
    pub target: String,
    /// The protocols it speaks (ALPN), as h2 and h3.
    pub alpn: Vec<String>,
    /// Its port, if that is not the usual one.
    pub port: Option<u16>,
    /// IPv4 addresses of the host.
    pub v4: Vec<Ipv4Addr>,
    /// IPv6 addresses of the host.
    pub v6: Vec<Ipv6Addr>,
    /// Whether there is a key for encrypted hellos.
    pub ech: bool,
}

impl Record {
    /// Reads a record, whose data are these bytes.
    pub(super) fn of(record: &ParsedRecord<'_, [u8]>, bytes: &[u8]) -> Self {
        Self {
            name: text::of_name(&record.owner()),
            kind: record.rtype().to_int(),
            class: record.class().to_int(),
            ttl: record.ttl().as_secs(),
            data: Data::of(record, bytes),
        }
    }
}

impl Data {
    /// Reads the data of a record; `bytes` are kept where it is of no type that is known here, or not what it must be.
    pub(super) fn of(record: &ParsedRecord<'_, [u8]>, bytes: &[u8]) -> Self {
        Self::known(record).unwrap_or_else(|known| {
            let bytes = bytes.to_vec();
            if known { Self::Broken(bytes) } else { Self::Other(bytes) }
        })
    }

    /// The error says whether the type is one that is known here.
    fn known(record: &ParsedRecord<'_, [u8]>) -> Result<Self, bool> {
        Ok(match record.rtype() {
            Rtype::A => Self::V4(data::<A>(record)?.addr()),
            Rtype::AAAA => Self::V6(data::<Aaaa>(record)?.addr()),
            Rtype::CNAME => Self::Name(text::of_name(data::<Cname<_>>(record)?.cname())),
            Rtype::DNAME => Self::Name(text::of_name(data::<Dname<_>>(record)?.dname())),
            Rtype::NS => Self::Name(text::of_name(data::<Ns<_>>(record)?.nsdname())),
            Rtype::PTR => Self::Name(text::of_name(data::<Ptr<_>>(record)?.ptrdname())),
            Rtype::MX => {
                let mail = data::<Mx<_>>(record)?;
                Self::Mail { preference: mail.preference(), exchange: text::of_name(mail.exchange()) }
            }
            Rtype::SRV => {
                let server = data::<Srv<_>>(record)?;
                let (priority, weight, port) = (server.priority(), server.weight(), server.port());
                Self::Server { priority, weight, port, target: text::of_name(server.target()) }
            }
            Rtype::TXT => {
                let texts = data::<Txt<&[u8]>>(record)?;
                Self::Texts(texts.iter().take(Facts::MAX_ITEMS).map(Facts::text).collect())
            }
            Rtype::SVCB => {
                let service = data::<Svcb<&[u8], ParsedName<&[u8]>>>(record)?;
                let (priority, target) = (service.priority(), text::of_name(service.target()));
                Self::Service(Service::of(priority, target, service.params().as_slice()))
            }
            Rtype::HTTPS => {
                let service = data::<Https<&[u8], ParsedName<&[u8]>>>(record)?;
                let (priority, target) = (service.priority(), text::of_name(service.target()));
                Self::Service(Service::of(priority, target, service.params().as_slice()))
            }
            Rtype::SOA => {
                let zone = data::<Soa<_>>(record)?;
                let times = [zone.refresh(), zone.retry(), zone.expire(), zone.minimum()];
                Self::Authority {
                    server: text::of_name(zone.mname()),
                    mailbox: text::of_name(zone.rname()),
                    serial: zone.serial().into_int(),
                    times: times.map(|time| time.as_secs()),
                }
            }
            Rtype::HINFO => {
                let host = data::<Hinfo<&[u8]>>(record)?;
                Self::Host([host.cpu(), host.os()].map(|text| Facts::text(text.as_slice())))
            }
            Rtype::CAA => {
                let issuer = data::<Caa<&[u8]>>(record)?;
                let (tag, value) = (issuer.tag().to_string(), Facts::text(issuer.value()));
                Self::Issuer { flags: issuer.flags().bits(), tag, value }
            }
            Rtype::OPT => {
                let [_, version, flags, _] = record.ttl().as_secs().to_be_bytes();
                Self::Edns { udp_size: record.class().to_int(), version, dnssec_ok: flags & 0x80 != 0 }
            }
            _ => return Err(false),
        })
    }

    /// The text of an address, of a name, or of a TXT record; `None` for others, and for an empty one.
    pub fn text(&self) -> Option<String> {
        let mut text = String::new();
        (self.write_text(&mut text) && !text.is_empty()).then_some(text)
    }

    /// All that it says, as text.
    pub fn whole_text(&self) -> String {
        let quoted = |text: &str| format!("\"{text}\"");
        match self {
            Self::Mail { preference, exchange } => format!("{preference} {exchange}"),
            Self::Server { priority, weight, port, target } => format!("{priority} {weight} {port} {target}"),
            Self::Texts(texts) => texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(" "),
            Self::Service(service) => service.text(),
            Self::Authority { server, mailbox, serial, times: [refresh, retry, expire, minimum] } => {
                format!("{server} {mailbox} {serial} {refresh} {retry} {expire} {minimum}")
            }
            Self::Host([machine, system]) => format!("{} {}", quoted(machine), quoted(system)),
            Self::Issuer { flags, tag, value } => format!("{flags} {tag} {}", quoted(value)),
            Self::Edns { udp_size, version, dnssec_ok } => {
                format!("udp={udp_size} version={version}{}", if *dnssec_ok { " do" } else { "" })
            }
            Self::Other(bytes) | Self::Broken(bytes) => text::generic(bytes),
            Self::V4(_) | Self::V6(_) | Self::Name(_) => self.text().unwrap_or_default(),
        }
    }

    /// Writes the text of an address, of a name, or of a TXT record; whether it is one of those.
    pub(super) fn write_text(&self, text: &mut String) -> bool {
        use std::fmt::Write;
        // Writing into a string cannot fail.
        match self {
            Self::V4(address) => drop(write!(text, "{address}")),
            Self::V6(address) => drop(write!(text, "{address}")),
            Self::Name(name) | Self::Mail { exchange: name, .. } | Self::Server { target: name, .. } => {
                text.push_str(name);
            }
            Self::Texts(texts) => joined(texts, text),
            _ => return false,
        }
        true
    }
}

impl Service {
    /// Reads the parameters that are known here: pairs of a key and a length (RFC 9460 §2.2).
    fn of(priority: u16, target: String, mut params: &[u8]) -> Box<Self> {
        let mut service = Self { priority, target, ..Self::default() };
        while let Some((&[k1, k2, l1, l2], rest)) = params.split_first_chunk() {
            let Some((value, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes([l1, l2]))) else { break };
            params = rest;
            match u16::from_be_bytes([k1, k2]) {
                1 => service.protocols(value),
                3 => service.port = value.first_chunk().map(|port| u16::from_be_bytes(*port)),
                4 => service.v4 = chunks(value).map(|octets: [u8; 4]| octets.into()).collect(),
                5 => service.ech = true,
                6 => service.v6 = chunks(value).map(|octets: [u8; 16]| octets.into()).collect(),
                _ => {}
            }
        }
        Box::new(service)
    }

    fn protocols(&mut self, mut value: &[u8]) {
        while let Some((&len, rest)) = value.split_first()
            && let Some((name, rest)) = rest.split_at_checked(usize::from(len))
            && self.alpn.len() < Facts::MAX_ITEMS
        {
            self.alpn.push(Facts::text(name));
            value = rest;
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{} {}", self.priority, self.target);
        let mut list = |name: &str, values: Vec<String>| {
            if !values.is_empty() {
                text += &format!(" {name}={}", values.join(","));
            }
        };
        list("alpn", self.alpn.clone());
        list("port", self.port.iter().map(u16::to_string).collect());
        list("ipv4hint", self.v4.iter().map(Ipv4Addr::to_string).collect());
        list("ipv6hint", self.v6.iter().map(Ipv6Addr::to_string).collect());
        if self.ech {
            text += " ech";
        }
        text
    }
}

/// The data of a record, read as that of its type; the error says that it is none.
fn data<'a, D: ParseRecordData<'a, [u8]>>(record: &ParsedRecord<'a, [u8]>) -> Result<D, bool> {
    record.to_record::<D>().ok().flatten().map(|record| record.into_data()).ok_or(true)
}

fn chunks<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.chunks_exact(N).take(Facts::MAX_ITEMS).filter_map(|chunk| chunk.first_chunk().copied())
}

/// Texts with a space between, cut at [`Facts::MAX_TEXT`].
fn joined(texts: &[String], out: &mut String) {
    for text in texts {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(text);
        if out.len() > Facts::MAX_TEXT {
            let end = (0..=Facts::MAX_TEXT).rev().find(|end| out.is_char_boundary(*end));
            out.truncate(end.unwrap_or_default());
            return;
        }
    }
}
