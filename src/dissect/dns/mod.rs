//! DNS messages (RFC 1035), as mDNS (RFC 6762) and LLMNR (RFC 4795) send them too: what is asked, what is answered.
//!
//! A payload goes in, a [`Message`] comes out. Nothing in it tells that bytes are DNS: the caller knows, by port or label.

mod anomaly;
mod numbers;
mod record;
mod text;

pub use anomaly::{Anomaly, Circumstances};
pub use numbers::{class_name, opcode_name, rcode_name, type_name};
pub use record::{Data, Record, Service};

use domain::base::ParsedName;

use crate::flow::Facts;

/// What a DNS message says.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What joins a question and its answer.
    pub id: u16,
    /// Whether it answers.
    pub is_response: bool,
    /// What kind of message it is: 0 is a query (IANA DNS OpCodes).
    pub opcode: u8,
    /// How the answer went: 0 is well (IANA DNS RCODEs); the four bits of the header, without those of EDNS.
    pub rcode: u8,
    /// The other bits of the header.
    pub flags: Flags,
    /// How many questions the header announces.
    pub question_count: u16,
    /// How many records the header announces: answers, authority, additional.
    pub record_counts: [u16; 3],
    /// The questions, as far as they can be read: none in answers of mDNS. At most [`Facts::MAX_ITEMS`].
    pub questions: Vec<Question>,
    /// The answers in their order, as far as they can be read. At most [`Facts::MAX_ITEMS`].
    pub answers: Vec<Record>,
    /// Records that tell of the name servers of a zone, likewise.
    pub authority: Vec<Record>,
    /// Records that help, likewise.
    pub additional: Vec<Record>,
    /// Why there is less, or more, than the header announces; `None` where all fits.
    pub fault: Option<Fault>,
}

/// The bits of a header (RFC 1035 §4.1.1, RFC 4035 §3).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flags {
    /// The answer comes from whom the zone belongs to.
    pub authoritative: bool,
    /// There was no room for all of it.
    pub truncated: bool,
    /// Whoever asks wants others to be asked too.
    pub recursion_desired: bool,
    /// Whoever answers asks others too.
    pub recursion_available: bool,
    /// The bit that has no meaning.
    pub zero: bool,
    /// The answer was verified by DNSSEC.
    pub authentic_data: bool,
    /// Whoever asks verifies by himself.
    pub checking_disabled: bool,
}

/// What is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// The name as it was sent, without the dot at its end; that of the root is `.`.
    ///
    /// Bytes that are no visible ASCII characters are written `\DDD`, a dot or backslash inside a label has a backslash
    /// before it (RFC 4343 §2.1). Cut at [`Facts::MAX_TEXT`].
    pub name: String,
    /// The type that is asked for: 1 is an IPv4 address, 28 an IPv6 address (IANA DNS parameters).
    pub kind: u16,
    /// Its class: 1 is the internet. In mDNS the uppermost bit is none of it (RFC 6762 §18.12).
    pub class: u16,
}

/// Why a message is not what its header announces.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// It ends before all that is announced.
    Short,
    /// A name, a length or what is in a record is not as it must be.
    Malformed,
    /// There are more questions or records than are read.
    TooMany,
    /// There are bytes behind it.
    Trailing,
}

impl Message {
    /// Reads the message in a UDP payload, or one that [`tcp_message`] found.
    ///
    /// `None` when it is too short for its header and its first question. What is cut off or broken ends the message there.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let begun = Reading::begin(bytes)?;
        let header = begun.message.header();
        let counts = begun.message.header_counts();
        let mut message = Self {
            id: begun.id,
            is_response: begun.is_response,
            opcode: begun.opcode,
            rcode: begun.rcode,
            flags: Flags {
                authoritative: header.aa(),
                truncated: header.tc(),
                recursion_desired: header.rd(),
                recursion_available: header.ra(),
                zero: header.z(),
                authentic_data: header.ad(),
                checking_disabled: header.cd(),
            },
            question_count: counts.qdcount(),
            record_counts: [counts.ancount(), counts.nscount(), counts.arcount()],
            questions: Vec::new(),
            answers: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            fault: None,
        };
        message.fault = message.read(begun.message).err();
        Some(message)
    }

    /// The first question.
    pub fn question(&self) -> Option<&Question> {
        self.questions.first()
    }

    /// The answers that have a text: addresses; the names in CNAME, PTR, NS, MX and SRV records; the texts in TXT records,
    /// with spaces between. Others, and empty texts, are left out.
    pub fn answer_texts(&self) -> Vec<String> {
        self.answers.iter().filter_map(|record| record.data.text()).collect()
    }

    /// Reads questions and records until something does not fit.
    fn read(&mut self, message: &domain::base::Message<[u8]>) -> Result<(), Fault> {
        let mut questions = message.question();
        for question in questions.by_ref().take(Facts::MAX_ITEMS) {
            let question = question.map_err(fault)?;
            let (kind, class) = (question.qtype().to_int(), question.qclass().to_int());
            self.questions.push(Question { name: text::of_name(question.qname()), kind, class });
        }
        if usize::from(self.question_count) > Facts::MAX_ITEMS {
            return Err(Fault::TooMany);
        }
        let mut odd = Ok(());
        // An update takes records away by naming them without data (RFC 2136 §2.5).
        let is_update = self.opcode == UPDATE;
        let mut section = questions.answer().map_err(fault)?;
        for (records, announced) in
            [&mut self.answers, &mut self.authority, &mut self.additional].into_iter().zip(self.record_counts)
        {
            if usize::from(announced) > Facts::MAX_ITEMS {
                odd = odd.and(Err(Fault::TooMany));
            }
            while records.len() < Facts::MAX_ITEMS
                && let Some(record) = section.next()
            {
                let (record, end) = (record.map_err(fault)?, section.pos());
                let begin = end.saturating_sub(record.rdlen().into());
                let record = Record::of(&record, message.as_slice().get(begin..end).unwrap_or_default());
                if matches!(&record.data, Data::Broken(bytes) if !(is_update && bytes.is_empty())) {
                    odd = odd.and(Err(Fault::Malformed));
                }
                records.push(record);
            }
            match section.next_section().map_err(fault)? {
                Some(next) => section = next,
                None if odd.is_ok() && section.pos() < message.as_slice().len() => return Err(Fault::Trailing),
                None => return odd,
            }
        }
        odd
    }
}

/// A message whose header and first question can be read.
pub(super) struct Reading<'a> {
    message: &'a domain::base::Message<[u8]>,
    question: Option<domain::base::Question<ParsedName<&'a [u8]>>>,
    pub(super) id: u16,
    pub(super) is_response: bool,
    opcode: u8,
    pub(super) rcode: u8,
}

impl<'a> Reading<'a> {
    /// `None` when `bytes` are too short for that.
    pub(super) fn begin(bytes: &'a [u8]) -> Option<Self> {
        let message = domain::base::Message::from_slice(bytes).ok()?;
        let header = message.header();
        let question = message.question().next().transpose().ok()?;
        Some(Self {
            message,
            question,
            id: header.id(),
            is_response: header.qr(),
            opcode: header.opcode().to_int(),
            rcode: header.rcode().to_int(),
        })
    }

    /// Writes the name in the first question into `text`, in place of what it holds, and tells the type; `None` without one.
    pub(super) fn question(&self, text: &mut String) -> Option<u16> {
        let question = self.question.as_ref()?;
        text.clear();
        text::name(question.qname(), text);
        Some(question.qtype().to_int())
    }

    /// Tells the answers one after the other; `text` is where they are written.
    pub(super) fn answers(&self, text: &mut String, mut tell: impl FnMut(&str)) {
        let records = self.message.answer().into_iter().flatten().take(Facts::MAX_ITEMS);
        for record in records.map_while(Result::ok) {
            text.clear();
            if Data::of(&record, &[]).write_text(text) && !text.is_empty() {
                tell(text);
            }
        }
    }
}

/// Whether bytes read as a message: its header and its first question.
pub fn is_message(bytes: &[u8]) -> bool {
    Reading::begin(bytes).is_some()
}

/// The first message at the beginning of what one side of a TCP connection sent, when all of it is there.
///
/// A length of two bytes is before each (RFC 1035 §4.2.2).
pub fn tcp_message(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

fn fault(error: domain::base::wire::ParseError) -> Fault {
    match error {
        domain::base::wire::ParseError::ShortInput => Fault::Short,
        domain::base::wire::ParseError::Form(_) => Fault::Malformed,
    }
}

/// IANA DNS OpCodes: what changes a zone (RFC 2136).
const UPDATE: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    /// A header that announces questions and answers, then `rest`.
    fn message(flags: u16, questions: u16, answers: u16, rest: &[u8]) -> Vec<u8> {
        let fields = [0x1234, flags, questions, answers, 0, 0].map(u16::to_be_bytes).concat();
        [fields, rest.to_vec()].concat()
    }

    /// A record for the name at byte 12.
    fn record(kind: u16, data: &[u8]) -> Vec<u8> {
        let length = (data.len() as u16).to_be_bytes();
        [&[0xc0, 12], &kind.to_be_bytes()[..], &[0, 1, 0, 0, 0, 9], &length, data].concat()
    }

    const QUESTION: &[u8] = b"\x03www\x07example\x03com\0\0\x01\0\x01";

    #[test]
    fn a_question_and_its_answers_are_read() {
        let asked = Message::parse(&message(0x0100, 1, 0, QUESTION)).unwrap();
        assert_eq!((asked.id, asked.is_response, asked.opcode, asked.rcode), (0x1234, false, 0, 0));
        assert_eq!(asked.question(), Some(&Question { name: "www.example.com".into(), kind: 1, class: 1 }));
        let records = [
            QUESTION.to_vec(),
            record(5, b"\x01a\xc0\x10"),
            record(1, &[192, 0, 2, 1]),
            record(28, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            record(16, b"\x03a=1\x03b=2"),
            record(15, b"\0\x0a\x04mail\xc0\x10"),
            record(33, b"\0\0\0\0\0\x50\x03srv\xc0\x10"),
            record(257, b"\0\x05issueca"),
            record(12, b"\x01p\0"),
            record(2, b"\x02ns\0"),
        ];
        let answered = Message::parse(&message(0xa185, 1, 9, &records.concat())).unwrap();
        assert_eq!((answered.is_response, answered.opcode, answered.rcode), (true, 4, 5));
        let expected =
            ["a.example.com", "192.0.2.1", "2001:db8::1", "a=1 b=2", "mail.example.com", "srv.example.com", "p", "ns"];
        assert_eq!(answered.answer_texts(), expected);
    }

    #[test]
    fn what_is_cut_off_ends_the_answers_and_keeps_what_came_before() {
        let records = [QUESTION.to_vec(), record(1, &[192, 0, 2, 1]), record(1, &[192, 0, 2, 2])].concat();
        let whole = message(0x8180, 1, 2, &records);
        assert_eq!(Message::parse(&whole).unwrap().answer_texts(), ["192.0.2.1", "192.0.2.2"]);
        assert_eq!(Message::parse(&whole[..whole.len() - 1]).unwrap().answer_texts(), ["192.0.2.1"]);
        assert_eq!(Message::parse(&whole[..12 + QUESTION.len()]).unwrap().answer_texts(), [""; 0]);
        assert_eq!(Message::parse(&whole[..11 + QUESTION.len()]), None);
        assert_eq!(Message::parse(&[0; 11]), None);
    }

    #[test]
    fn data_that_lies_is_left_out_alone() {
        let records = [
            QUESTION.to_vec(),
            record(1, &[192, 0, 2]),
            record(16, b"\x09a"),
            record(16, b"\0"),
            record(1, &[192, 0, 2, 2]),
        ];
        assert_eq!(Message::parse(&message(0x8180, 1, 4, &records.concat())).unwrap().answer_texts(), ["192.0.2.2"]);
    }

    #[test]
    fn names_hold_visible_characters_only_and_labels_stay_apart() {
        let name = |bytes: &[u8]| Some(Message::parse(&message(0, 1, 0, bytes))?.question()?.name.clone());
        assert_eq!(name(b"\x04a. \xe9\x02\\\n\0\0\x0c\0\x01").unwrap(), r"a\.\032\233.\\\010");
        assert_eq!(name(b"\0\0\x02\0\x01").unwrap(), ".");
        assert_eq!(name(b"\x40a\0\0\x01\0\x01"), None);
        let long = [[&[63][..], &[0; 63]].concat().repeat(3), vec![0, 0, 1, 0, 1]].concat();
        assert_eq!(name(&long).unwrap().len(), Facts::MAX_TEXT);
    }

    #[test]
    fn pointers_that_go_in_circles_or_forwards_come_to_an_end() {
        for pointer in [[0xc0, 12], [0xc0, 14], [0xff, 0xff]] {
            let question = [&pointer[..], &[0, 1, 0, 1]].concat();
            assert_eq!(Message::parse(&message(0, 1, 0, &question)), None, "{pointer:?}");
        }
    }

    #[test]
    fn counts_that_lie_cost_nothing() {
        let many = [QUESTION.to_vec(), record(1, &[192, 0, 2, 1]).repeat(1000)].concat();
        assert_eq!(Message::parse(&message(0x8180, 1, 1000, &many)).unwrap().answers.len(), Facts::MAX_ITEMS);
        assert!(Message::parse(&message(0x8180, 0xffff, 0xffff, QUESTION)).unwrap().answer_texts().is_empty());
        assert_eq!(Message::parse(&message(0x8180, 0, 0xffff, b"")).unwrap().question(), None);
    }

    #[test]
    fn a_message_in_tcp_is_taken_when_it_is_whole() {
        assert_eq!(tcp_message(b"\0\x02abc"), Some(&b"ab"[..]));
        assert_eq!(tcp_message(b"\0\x02ab"), Some(&b"ab"[..]));
        assert_eq!(tcp_message(b"\0\x02a"), None);
        assert_eq!(tcp_message(b"\0"), None);
    }
}
