//! What is unusual in a DNS message: what tunnels, scanners and broken software send.

use crate::dissect::dns::{Data, Fault, Message, Question};

/// Something unusual.
#[derive(Clone, Debug, PartialEq)]
pub enum Anomaly {
    /// The bit that has no meaning is set.
    Zero,
    /// The message says that there was no room for all of it.
    Truncated,
    /// Neither a query nor a notification nor an update.
    Opcode(u8),
    /// A question for an unusual type.
    QueryType(u16),
    /// A question in another class than the internet.
    QueryClass(u16),
    /// An answer of an unusual type.
    AnswerType(u16),
    /// An answer in another class than the internet.
    AnswerClass(u16),
    /// More than one question.
    Questions(u16),
    /// A response with answers, and no question that they would answer.
    NoQuestion,
    /// A query that brings answers with it.
    AnswersInQuery,
    /// A long name below a domain, in which characters are spread as in random ones.
    Subdomain {
        /// The name without its last two labels.
        name: String,
        /// Its characters.
        length: usize,
        /// Its entropy (Shannon), in bits a character.
        entropy: f64,
    },
    /// It is not what its header announces.
    Fault(Fault),
}

/// How a message came, and what is looked for in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Circumstances {
    /// It is mDNS, where answers have no question, services are told in texts, and names are what people gave their things.
    pub is_multicast: bool,
    /// It came over TCP, where answers of a transfer have no question (RFC 5936 §2.2).
    pub is_tcp: bool,
    /// Not all of it was captured.
    pub is_cut: bool,
    /// Subdomains with more characters than this are looked at. Defaults to 35.
    pub subdomain_length: usize,
    /// Those with a higher entropy than this, in bits a character, are told. Defaults to 3.5.
    pub subdomain_entropy: f64,
}

impl Default for Circumstances {
    fn default() -> Self {
        Self { is_multicast: false, is_tcp: false, is_cut: false, subdomain_length: 35, subdomain_entropy: 3.5 }
    }
}

impl Message {
    /// What is unusual in it, in the order of [`Anomaly`]; of questions and answers the first of each kind.
    pub fn anomalies(&self, circumstances: &Circumstances) -> Vec<Anomaly> {
        let mdns = circumstances.is_multicast;
        let is_query = self.opcode == QUERY;
        let mut found = Vec::new();
        let mut tell = |is_so: bool, anomaly: Anomaly| {
            if is_so {
                found.push(anomaly);
            }
        };
        tell(self.flags.zero, Anomaly::Zero);
        // In mDNS more known answers follow a truncated query (RFC 6762 §7.2).
        tell(self.flags.truncated && !mdns, Anomaly::Truncated);
        tell(!matches!(self.opcode, QUERY | NOTIFY | UPDATE), Anomaly::Opcode(self.opcode));
        let kinds = self.questions.iter().map(|question| question.kind);
        if let Some(kind) = kinds.filter(|_| is_query).find(|kind| is_unusual(*kind, mdns)) {
            tell(true, Anomaly::QueryType(kind));
        }
        let class = |class: u16| if mdns { class & 0x7fff } else { class };
        let classes = self.questions.iter().map(|question| class(question.class));
        if let Some(class) = classes.filter(|_| self.opcode != UPDATE).find(|class| !is_usual_class(*class, mdns)) {
            tell(true, Anomaly::QueryClass(class));
        }
        let records = || self.answers.iter().filter(|record| !matches!(record.data, Data::Edns { .. }));
        let is_update = self.opcode == UPDATE;
        if let Some(record) = records().find(|record| !is_update && is_unusual(record.kind, mdns)) {
            tell(true, Anomaly::AnswerType(record.kind));
        }
        if let Some(record) = records().find(|record| !is_update && class(record.class) != INTERNET) {
            tell(true, Anomaly::AnswerClass(class(record.class)));
        }
        tell(self.question_count > 1 && !mdns, Anomaly::Questions(self.question_count));
        let [answers, ..] = self.record_counts;
        let lone = self.is_response && self.question_count == 0 && answers > 0;
        tell(lone && is_query && !mdns && !circumstances.is_tcp, Anomaly::NoQuestion);
        tell(!self.is_response && answers > 0 && is_query && !mdns, Anomaly::AnswersInQuery);
        if !mdns && let Some(subdomain) = self.questions.iter().find_map(|asked| subdomain(asked, circumstances)) {
            tell(true, subdomain);
        }
        match self.fault {
            // What was cut off by capturing, or by whoever says so, is not the message's fault.
            Some(Fault::Short) if circumstances.is_cut || self.flags.truncated => {}
            Some(fault) => tell(true, Anomaly::Fault(fault)),
            None => {}
        }
        found
    }
}

/// The long and disorderly name below a domain that a question is for.
fn subdomain(question: &Question, circumstances: &Circumstances) -> Option<Anomaly> {
    let (rest, _) = question.name.rsplit_once('.')?;
    let (name, _) = rest.rsplit_once('.')?;
    let length = name.chars().count();
    if length <= circumstances.subdomain_length {
        return None;
    }
    let entropy = entropy(name);
    let name = name.to_owned();
    (entropy > circumstances.subdomain_entropy).then_some(Anomaly::Subdomain { name, length, entropy })
}

/// Bits a character (Shannon); a name is written in ASCII.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 128];
    text.bytes().for_each(|byte| counts[usize::from(byte & 127)] += 1);
    let all = text.len() as f64;
    let share = |count: &u32| f64::from(*count) / all;
    -counts.iter().filter(|count| **count > 0).map(|count| share(count) * share(count).log2()).sum::<f64>()
}

/// Types that nobody asks for in the daily life of a network. Texts carry most tunnels; in mDNS they tell of services.
fn is_unusual(kind: u16, mdns: bool) -> bool {
    let usual =
        matches!(kind, 1 | 2 | 5 | 6 | 12 | 15 | 28 | 33 | 35 | 39 | 41 | 43 | 44 | 46..=52 | 59 | 60 | 64 | 65)
            || matches!(kind, TRANSFER | PART_OF_TRANSFER | 257);
    !(usual || mdns && matches!(kind, 13 | 16 | 255))
}

fn is_usual_class(class: u16, mdns: bool) -> bool {
    class == INTERNET || (mdns && class == ANY)
}

const QUERY: u8 = 0;
const NOTIFY: u8 = 4;
const UPDATE: u8 = 5;
const INTERNET: u16 = 1;
const ANY: u16 = 255;
const PART_OF_TRANSFER: u16 = 251;
const TRANSFER: u16 = 252;

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with these flags, questions as bytes and answers as bytes.
    fn message(flags: u16, questions: &[&[u8]], answers: &[&[u8]]) -> Message {
        let counts = [questions.len() as u16, answers.len() as u16];
        let header = [7, flags, counts[0], counts[1], 0, 0].map(u16::to_be_bytes).concat();
        Message::parse(&[header, questions.concat(), answers.concat()].concat()).unwrap()
    }

    fn of(flags: u16, questions: &[&[u8]], answers: &[&[u8]]) -> Vec<Anomaly> {
        message(flags, questions, answers).anomalies(&Circumstances::default())
    }

    const ASKED: &[u8] = b"\x01a\0\0\x01\0\x01";
    const ANSWER: &[u8] = b"\x01a\0\0\x01\0\x01\0\0\0\x09\0\x04\xc0\0\x02\x01";

    #[test]
    fn daily_life_is_not_unusual() {
        assert_eq!(of(0x0100, &[ASKED], &[]), []);
        assert_eq!(of(0x8180, &[ASKED], &[ANSWER]), []);
        for kind in [2, 5, 6, 12, 15, 28, 33, 43, 48, 65] {
            assert_eq!(of(0, &[&[0, 0, kind, 0, 1]], &[]), [], "{kind}");
        }
        // An update names what is to go away in the classes NONE and ANY, without data.
        let gone = b"\x01a\0\0\x01\0\xff\0\0\0\0\0\0";
        assert_eq!(of(0x2800, &[b"\x01a\0\0\x06\0\x01"], &[gone]), []);
    }

    #[test]
    fn each_anomaly_is_told_for_what_it_is() {
        use Anomaly::{
            AnswerClass, AnswerType, AnswersInQuery, NoQuestion, Opcode, QueryClass, QueryType, Questions, Truncated,
            Zero,
        };
        assert_eq!(of(0x0240, &[ASKED], &[]), [Zero, Truncated]);
        assert_eq!(of(0x1000, &[ASKED], &[]), [Opcode(2)]);
        assert_eq!(of(0, &[b"\0\0\x10\0\x03"], &[]), [QueryType(16), QueryClass(3)]);
        let odd = b"\x01a\0\0\x0a\0\x04\0\0\0\x09\0\x01x";
        assert_eq!(of(0x8000, &[ASKED], &[odd]), [AnswerType(10), AnswerClass(4)]);
        assert_eq!(of(0, &[ASKED, ASKED], &[]), [Questions(2)]);
        assert_eq!(of(0x8000, &[], &[ANSWER]), [NoQuestion]);
        assert_eq!(of(0, &[ASKED], &[ANSWER]), [AnswersInQuery]);
        assert_eq!(of(0x8000, &[ASKED], &[&ANSWER[..16]]), [Anomaly::Fault(Fault::Short)]);
        assert_eq!(of(0x8200, &[ASKED], &[&ANSWER[..16]]), [Truncated]);
        let broken = b"\x01a\0\0\x01\0\x01\0\0\0\x09\0\x03\xc0\0\x02";
        assert_eq!(of(0x8000, &[ASKED], &[broken]), [Anomaly::Fault(Fault::Malformed)]);
    }

    #[test]
    fn mdns_and_transfers_have_their_own_daily_life() {
        let mdns = Circumstances { is_multicast: true, ..Circumstances::default() };
        let text = b"\x01a\0\0\x10\x80\x01\0\0\0\x09\0\x02\x01x";
        assert_eq!(message(0x8400, &[], &[text]).anomalies(&mdns), []);
        assert_eq!(message(0, &[b"\x01a\0\0\xff\x80\x01", ASKED], &[]).anomalies(&mdns), []);
        let tcp = Circumstances { is_tcp: true, ..Circumstances::default() };
        assert_eq!(message(0x8400, &[], &[ANSWER]).anomalies(&tcp), []);
        let cut = Circumstances { is_cut: true, ..Circumstances::default() };
        assert_eq!(message(0x8000, &[ASKED], &[&ANSWER[..16]]).anomalies(&cut), []);
    }

    #[test]
    fn bytes_behind_a_message_are_told() {
        let bytes = [&message_bytes()[..], b"tunnel"].concat();
        let found = Message::parse(&bytes).unwrap().anomalies(&Circumstances::default());
        assert_eq!(found, [Anomaly::Fault(Fault::Trailing)]);
    }

    fn message_bytes() -> Vec<u8> {
        [[7, 0, 1, 0, 0, 0].map(u16::to_be_bytes).concat(), ASKED.to_vec()].concat()
    }

    #[test]
    fn a_long_disorderly_subdomain_is_told_with_its_measures() {
        let asked = |name: &str| Question { name: name.into(), kind: 1, class: 1 };
        let default = Circumstances::default();
        let long = "_ldap._tcp.Default-First-Site-Name._sites.dc._msdcs.utelsystems.local";
        let Some(Anomaly::Subdomain { name, length, entropy }) = subdomain(&asked(long), &default) else { panic!() };
        assert_eq!((name.as_str(), length), ("_ldap._tcp.Default-First-Site-Name._sites.dc._msdcs", 51));
        assert!((entropy - 4.091967323655266).abs() < 1e-12, "{entropy}");
        assert_eq!(subdomain(&asked(&format!("{}.example.org", "a".repeat(60))), &default), None);
        assert_eq!(subdomain(&asked("abcdefghijklmnopqrstuvwxyz012345678.example.org"), &default), None);
        assert!(subdomain(&asked("abcdefghijklmnopqrstuvwxyz0123456789.example.org"), &default).is_some());
        let strict = Circumstances { subdomain_length: 3, subdomain_entropy: 1.9, ..default };
        assert!(subdomain(&asked("abcd.example.org"), &strict).is_some());
        assert_eq!(subdomain(&asked("org"), &strict), None);
    }
}
