//! A DNS message of a packet, and its dictionary.

use crate::dissect::dns::{
    Anomaly, Circumstances, Data, Fault, Message, Question, Record, class_name, opcode_name, rcode_name, type_name,
};
use crate::pipeline::{Field, PacketView};

/// A DNS message that a packet carried, or completed.
#[derive(Clone, Debug, PartialEq)]
pub struct Dns {
    /// What it says.
    pub message: Message,
    /// How it came.
    pub circumstances: Circumstances,
}

impl Dns {
    /// What is unusual in it.
    pub fn anomalies(&self) -> Vec<Anomaly> {
        self.message.anomalies(&self.circumstances)
    }

    /// The class without the bit that mDNS has there, and whether that is set.
    pub(super) fn class(&self, class: u16) -> (u16, bool) {
        if self.circumstances.is_multicast { (class & 0x7fff, class & 0x8000 != 0) } else { (class, false) }
    }

    /// Its dictionary, as `item["dns"]` is in Python.
    pub fn field(&self) -> Field {
        let message = &self.message;
        let flags = &message.flags;
        let count = |count: u16| Field::Number(count.into());
        let [answers, authority, additional] = message.record_counts;
        let records = |records: &[Record]| records.iter().map(|record| self.record(record)).collect::<Field>();
        let mut fields = vec![
            ("identification", message.id.into()),
            (
                "flags",
                Field::Map(vec![
                    ("type", if message.is_response { "response" } else { "query" }.into()),
                    ("opcode", opcode(message.opcode).into()),
                    ("authoritative", flags.authoritative.into()),
                    ("truncated", flags.truncated.into()),
                    ("recursion_desired", flags.recursion_desired.into()),
                    ("recursion_available", flags.recursion_available.into()),
                    ("zero", u64::from(flags.zero).into()),
                    ("return_code", return_code(message.rcode).into()),
                    ("authentic_data", flags.authentic_data.into()),
                    ("checking_disabled", flags.checking_disabled.into()),
                ]),
            ),
            (
                "counts",
                Field::Map(vec![
                    ("questions", count(message.question_count)),
                    ("answers", count(answers)),
                    ("auth_answers", count(authority)),
                    ("add_answers", count(additional)),
                ]),
            ),
            ("queries", message.questions.iter().map(|question| self.question(question)).collect()),
            (
                "answers",
                Field::Map(vec![
                    ("answers", records(&message.answers)),
                    ("name_servers", records(&message.authority)),
                    ("additional", records(&message.additional)),
                ]),
            ),
        ];
        let weird: Vec<_> = self.anomalies().into_iter().flat_map(told).collect();
        if !weird.is_empty() {
            fields.push(("weird", Field::Map(weird)));
        }
        Field::Map(fields)
    }

    fn question(&self, question: &Question) -> Field {
        let (class, unicast) = self.class(question.class);
        let mut fields = vec![
            ("class", class_word(class).into()),
            ("type", type_word(question.kind).into()),
            ("name", question.name.clone().into()),
            ("data", Field::Bytes(Vec::new())),
            ("type_name", full_type_name(question.kind).into()),
            ("type_number", question.kind.into()),
            ("class_number", class.into()),
        ];
        if unicast {
            fields.push(("unicast_response", true.into()));
        }
        Field::Map(fields)
    }

    fn record(&self, record: &Record) -> Field {
        let (class, flush) = match record.data {
            // Of EDNS it is no class at all.
            Data::Edns { .. } => (record.class, false),
            _ => self.class(record.class),
        };
        let mut fields = vec![
            ("name", record.name.clone().into()),
            ("type", type_word(record.kind).into()),
            ("class", class_word(class).into()),
            ("ttl", u64::from(record.ttl).into()),
            ("type_name", full_type_name(record.kind).into()),
            ("type_number", record.kind.into()),
            ("class_number", class.into()),
        ];
        if flush {
            fields.push(("cache_flush", true.into()));
        }
        data(&record.data, &mut fields);
        Field::Map(fields)
    }
}

impl PacketView<'_> {
    /// The dictionary of the first DNS message that it carries or completes; `more` in it are those of the others.
    pub fn dns_field(&self) -> Option<Field> {
        let mut fields = self.dns().into_iter().map(|dns| dns.field());
        let mut first = fields.next()?;
        let more: Vec<_> = fields.collect();
        if let (Field::Map(fields), false) = (&mut first, more.is_empty()) {
            fields.push(("more", Field::List(more)));
        }
        Some(first)
    }
}

/// `rdata`, which is the one thing that a record is about, and what there is beside it.
fn data(data: &Data, fields: &mut Vec<(&'static str, Field)>) {
    let mut put = |name, field: Field| fields.push((name, field));
    let number = |number: u32| Field::Number(number.into());
    match data {
        Data::Name(name) => put("rdata", name.clone().into()),
        Data::Texts(texts) => put("rdata", texts.iter().cloned().collect()),
        Data::Mail { preference, exchange } => {
            put("rdata", exchange.clone().into());
            put("preference", (*preference).into());
        }
        Data::Server { priority, weight, port, target } => {
            put("rdata", target.clone().into());
            put("priority", (*priority).into());
            put("weight", (*weight).into());
            put("port", (*port).into());
        }
        Data::Service(service) => {
            put("rdata", data.whole_text().into());
            put("priority", service.priority.into());
            put("target", service.target.clone().into());
            put("alpn", service.alpn.iter().cloned().collect());
            if let Some(port) = service.port {
                put("port", port.into());
            }
            put("ipv4hint", service.v4.iter().map(ToString::to_string).collect());
            put("ipv6hint", service.v6.iter().map(ToString::to_string).collect());
            put("ech", service.ech.into());
        }
        Data::Authority { server, mailbox, serial, times } => {
            put("rdata", data.whole_text().into());
            put("server", server.clone().into());
            put("mailbox", mailbox.clone().into());
            put("serial", number(*serial));
            ["refresh", "retry", "expire", "minimum"].into_iter().zip(times).for_each(|(name, time)| {
                put(name, number(*time));
            });
        }
        Data::Host([machine, system]) => {
            put("rdata", data.whole_text().into());
            put("cpu", machine.clone().into());
            put("os", system.clone().into());
        }
        Data::Issuer { flags, tag, value } => {
            put("rdata", data.whole_text().into());
            put("flags", u64::from(*flags).into());
            put("tag", tag.clone().into());
            put("value", value.clone().into());
        }
        Data::Edns { udp_size, version, dnssec_ok } => {
            put("rdata", data.whole_text().into());
            put("udp_size", (*udp_size).into());
            put("version", u64::from(*version).into());
            put("dnssec_ok", (*dnssec_ok).into());
        }
        Data::V4(_) | Data::V6(_) | Data::Other(_) => put("rdata", data.whole_text().into()),
        Data::Broken(_) => {
            put("rdata", data.whole_text().into());
            put("malformed", true.into());
        }
    }
}

/// Names and values of an anomaly.
fn told(anomaly: Anomaly) -> Vec<(&'static str, Field)> {
    match anomaly {
        Anomaly::Zero => vec![("zero", 1_u64.into())],
        Anomaly::Truncated => vec![("truncated", true.into())],
        Anomaly::Opcode(number) => vec![("opcode", opcode(number).into())],
        Anomaly::QueryType(kind) => vec![("query_type", type_word(kind).into())],
        Anomaly::QueryClass(class) => vec![("query_class", class_word(class).into())],
        Anomaly::AnswerType(kind) => vec![("answer_type", type_word(kind).into())],
        Anomaly::AnswerClass(class) => vec![("answer_class", class_word(class).into())],
        Anomaly::Questions(count) => vec![("questions", count.into())],
        Anomaly::NoQuestion => vec![("no_question", true.into())],
        Anomaly::AnswersInQuery => vec![("answers_in_query", true.into())],
        Anomaly::Subdomain { name, length, entropy } => vec![
            ("subdomain", name.into()),
            ("subdomain_length", (length as u64).into()),
            ("subdomain_entropy", Field::Real(entropy)),
        ],
        Anomaly::Fault(fault) => vec![("malformed", fault_word(fault).into())],
    }
}

/// An anomaly for people: its name in the dictionary, and what it is about.
pub(super) fn anomaly_text(anomaly: &Anomaly) -> String {
    match anomaly {
        Anomaly::Zero => "zero".to_owned(),
        Anomaly::Truncated => "truncated".to_owned(),
        Anomaly::Opcode(number) => format!("opcode {number}"),
        Anomaly::QueryType(kind) => format!("query_type {}", full_type_name(*kind)),
        Anomaly::QueryClass(class) => format!("query_class {}", full_class_name(*class)),
        Anomaly::AnswerType(kind) => format!("answer_type {}", full_type_name(*kind)),
        Anomaly::AnswerClass(class) => format!("answer_class {}", full_class_name(*class)),
        Anomaly::Questions(count) => format!("questions {count}"),
        Anomaly::NoQuestion => "no_question".to_owned(),
        Anomaly::AnswersInQuery => "answers_in_query".to_owned(),
        Anomaly::Subdomain { length, entropy, .. } => format!("subdomain_length {length} entropy {entropy:.2}"),
        Anomaly::Fault(fault) => format!("malformed {}", fault_word(*fault)),
    }
}

/// The name of a type; one without a name is a number (RFC 3597 §5).
pub(super) fn full_type_name(kind: u16) -> String {
    type_name(kind).map_or_else(|| format!("TYPE{kind}"), str::to_owned)
}

/// The name of a class, likewise.
pub(super) fn full_class_name(class: u16) -> String {
    class_name(class).map_or_else(|| format!("CLASS{class}"), str::to_owned)
}

/// The name of a response code; one without a name is a number.
pub(super) fn full_rcode_name(rcode: u8) -> String {
    rcode_name(rcode).map_or_else(|| format!("RCODE{rcode}"), str::to_owned)
}

/// What a message is about, for people: empty for a query.
pub(super) fn opcode_prefix(opcode: u8) -> String {
    match opcode_name(opcode) {
        Some("QUERY") => String::new(),
        Some(name) => format!("{} ", name.to_ascii_lowercase()),
        None => format!("opcode{opcode} "),
    }
}

const fn fault_word(fault: Fault) -> &'static str {
    match fault {
        Fault::Short => "short",
        Fault::Malformed => "broken",
        Fault::TooMany => "too_many",
        Fault::Trailing => "trailing",
    }
}

/// The names that chains has, of the types that it knows.
const fn type_word(kind: u16) -> &'static str {
    match kind {
        1 => "DNS_A",
        2 => "DNS_NS",
        5 => "DNS_CNAME",
        6 => "DNS_SOA",
        10 => "DNS_NULL",
        12 => "DNS_PTR",
        13 => "DNS_HINFO",
        15 => "DNS_MX",
        16 => "DNS_TXT",
        28 => "DNS_AAAA",
        33 => "DNS_SRV",
        41 => "DNS_OPT",
        _ => UNKNOWN,
    }
}

const fn class_word(class: u16) -> &'static str {
    match class {
        1 => "DNS_IN",
        3 => "DNS_CHAOS",
        4 => "DNS_HESIOD",
        254 => "DNS_NONE",
        255 => "DNS_ANY",
        _ => UNKNOWN,
    }
}

const fn opcode(number: u8) -> &'static str {
    match number {
        0 => "DNS_QUERY",
        1 => "DNS_IQUERY",
        2 => "DNS_STATUS",
        4 => "DNS_NOTIFY",
        5 => "DNS_UPDATE",
        6 => "DNS_DSO",
        _ => UNKNOWN,
    }
}

const fn return_code(number: u8) -> &'static str {
    match number {
        0 => "DNS_RCODE_NOERR",
        1 => "DNS_RCODE_FORMERR",
        2 => "DNS_RCODE_SERVFAIL",
        3 => "DNS_RCODE_NXDOMAIN",
        4 => "DNS_RCODE_NOTIMP",
        5 => "DNS_RCODE_REFUSED",
        6 => "DNS_RCODE_YXDOMAIN",
        7 => "DNS_RCODE_YXRRSET",
        8 => "DNS_RCODE_NXRRSET",
        9 => "DNS_RCODE_NOTAUTH",
        10 => "DNS_RCODE_NOTZONE",
        _ => UNKNOWN,
    }
}

const UNKNOWN: &str = "UNKNOWN";
