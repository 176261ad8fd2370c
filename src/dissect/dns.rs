//! DNS messages (RFC 1035), as mDNS (RFC 6762) and LLMNR (RFC 4795) send them too: what is asked, what is answered.
//!
//! A payload goes in, a [`Message`] comes out. Nothing in it tells that bytes are DNS: the caller knows, by port or label.

use std::fmt::Write;

use domain::base::ParsedName;
use domain::base::ParsedRecord;
use domain::base::iana::Rtype;
use domain::rdata::A;
use domain::rdata::Aaaa;
use domain::rdata::Cname;
use domain::rdata::Mx;
use domain::rdata::Ns;
use domain::rdata::Ptr;
use domain::rdata::Srv;
use domain::rdata::Txt;

use crate::flow::Facts;

/// What a DNS message says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// What joins a question and its answer.
    pub id: u16,
    /// Whether it answers.
    pub is_response: bool,
    /// What kind of message it is: 0 is a query (IANA DNS OpCodes).
    pub opcode: u8,
    /// How the answer went: 0 is well (IANA DNS RCODEs); the four bits of the header, without those of EDNS.
    pub rcode: u8,
    /// The first question; `None` where there is none, as in answers of mDNS.
    pub question: Option<Question>,
    /// The answers in their order, as far as they can be read: addresses; the names in CNAME, PTR, NS, MX and SRV records;
    /// the texts in TXT records, with spaces between. Others, and empty texts, are left out. At most [`Facts::MAX_ITEMS`].
    pub answers: Vec<String>,
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
}

impl Message {
    /// Reads the message in a UDP payload, or one that [`tcp_message`] found.
    ///
    /// `None` when it is too short for its header and its first question. Answers that are cut off or broken end the list.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let message = Reading::begin(bytes)?;
        let mut text = String::new();
        let question = message.question(&mut text).map(|kind| Question { name: text.clone(), kind });
        let mut answers = Vec::new();
        message.answers(&mut text, |answer| answers.push(answer.to_owned()));
        let Reading { id, is_response, opcode, rcode, .. } = message;
        Some(Self { id, is_response, opcode, rcode, question, answers })
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
        name(question.qname(), text);
        Some(question.qtype().to_int())
    }

    /// Tells the answers one after the other; `text` is where they are written.
    pub(super) fn answers(&self, text: &mut String, mut tell: impl FnMut(&str)) {
        let records = self.message.answer().into_iter().flatten().take(Facts::MAX_ITEMS);
        for record in records.map_while(Result::ok) {
            text.clear();
            if answer(&record, text).is_some() && !text.is_empty() {
                tell(text);
            }
        }
    }
}

/// The first message at the beginning of what one side of a TCP connection sent, when all of it is there.
///
/// A length of two bytes is before each (RFC 1035 §4.2.2).
pub fn tcp_message(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

/// Writes a record, if it is of a type that has a text and its data can be read.
fn answer(record: &ParsedRecord<'_, [u8]>, text: &mut String) -> Option<()> {
    // Writing into a string cannot fail.
    match record.rtype() {
        Rtype::A => write!(text, "{}", record.to_record::<A>().ok()??.data().addr()).ok()?,
        Rtype::AAAA => write!(text, "{}", record.to_record::<Aaaa>().ok()??.data().addr()).ok()?,
        Rtype::CNAME => name(record.to_record::<Cname<_>>().ok()??.data().cname(), text),
        Rtype::PTR => name(record.to_record::<Ptr<_>>().ok()??.data().ptrdname(), text),
        Rtype::NS => name(record.to_record::<Ns<_>>().ok()??.data().nsdname(), text),
        Rtype::MX => name(record.to_record::<Mx<_>>().ok()??.data().exchange(), text),
        Rtype::SRV => name(record.to_record::<Srv<_>>().ok()??.data().target(), text),
        Rtype::TXT => texts(record.to_record::<Txt<_>>().ok()??.data().iter(), text),
        _ => return None,
    }
    Some(())
}

/// A name has at most 255 bytes, so what is written before the cut is bounded too.
fn name(name: &ParsedName<&[u8]>, text: &mut String) {
    for label in name.iter().filter(|label| !label.is_root()) {
        if !text.is_empty() {
            text.push('.');
        }
        let label = label.as_slice();
        if label.iter().all(|byte| matches!(byte, b'!'..=b'-' | b'/'..=b'[' | b']'..=b'~'))
            && let Ok(plain) = str::from_utf8(label)
        {
            text.push_str(plain);
            continue;
        }
        for &byte in label {
            match byte {
                b'.' | b'\\' => text.extend(['\\', char::from(byte)]),
                b'!'..=b'~' => text.push(char::from(byte)),
                // Writing into a string cannot fail.
                _ => _ = write!(text, "\\{byte:03}"),
            }
        }
    }
    if text.is_empty() {
        text.push('.');
    }
    text.truncate(Facts::MAX_TEXT);
}

fn texts<'a>(strings: impl Iterator<Item = &'a [u8]>, text: &mut String) {
    let mut bytes = Vec::new();
    for string in strings.take(Facts::MAX_TEXT) {
        if !bytes.is_empty() {
            bytes.push(b' ');
        }
        bytes.extend_from_slice(string);
        if bytes.len() > Facts::MAX_TEXT {
            break;
        }
    }
    text.push_str(&Facts::text(&bytes));
}

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
        assert_eq!(asked.question, Some(Question { name: "www.example.com".into(), kind: 1 }));
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
        assert_eq!(answered.answers, expected);
    }

    #[test]
    fn what_is_cut_off_ends_the_answers_and_keeps_what_came_before() {
        let records = [QUESTION.to_vec(), record(1, &[192, 0, 2, 1]), record(1, &[192, 0, 2, 2])].concat();
        let whole = message(0x8180, 1, 2, &records);
        assert_eq!(Message::parse(&whole).unwrap().answers, ["192.0.2.1", "192.0.2.2"]);
        assert_eq!(Message::parse(&whole[..whole.len() - 1]).unwrap().answers, ["192.0.2.1"]);
        assert_eq!(Message::parse(&whole[..12 + QUESTION.len()]).unwrap().answers, [""; 0]);
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
        assert_eq!(Message::parse(&message(0x8180, 1, 4, &records.concat())).unwrap().answers, ["192.0.2.2"]);
    }

    #[test]
    fn names_hold_visible_characters_only_and_labels_stay_apart() {
        let name = |bytes: &[u8]| Some(Message::parse(&message(0, 1, 0, bytes))?.question?.name);
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
        assert!(Message::parse(&message(0x8180, 0xffff, 0xffff, QUESTION)).unwrap().answers.is_empty());
        assert_eq!(Message::parse(&message(0x8180, 0, 0xffff, b"")).unwrap().question, None);
    }

    #[test]
    fn a_message_in_tcp_is_taken_when_it_is_whole() {
        assert_eq!(tcp_message(b"\0\x02abc"), Some(&b"ab"[..]));
        assert_eq!(tcp_message(b"\0\x02ab"), Some(&b"ab"[..]));
        assert_eq!(tcp_message(b"\0\x02a"), None);
        assert_eq!(tcp_message(b"\0"), None);
    }
}
