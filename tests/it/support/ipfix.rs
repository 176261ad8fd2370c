//! A collector that forgives nothing: messages of RFC 7011, read as the RFC has them and in no other way.

use std::collections::{BTreeMap, HashMap, HashSet};

/// Enterprise number and number of an element.
pub(crate) type Element = (u32, u16);

/// The enterprise number of reverse elements (RFC 5103).
pub(crate) const REVERSE: u32 = 29_305;

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) export_time: u32,
    pub(crate) sequence: u32,
    pub(crate) observation_domain: u32,
    pub(crate) len: usize,
    /// Ids of the templates it brings.
    pub(crate) templates: Vec<u16>,
    pub(crate) records: Vec<Record>,
}

/// A data record: flow or options.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) template: u16,
    /// Fields of scope; 0 in flow records.
    pub(crate) scopes: u16,
    pub(crate) values: BTreeMap<Element, Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Template {
    scopes: u16,
    fields: Vec<(Element, u16)>,
}

/// Whoever receives the messages of one exporter.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    templates: HashMap<u16, Template>,
    /// Data records so far.
    records: u32,
}

impl Record {
    /// A value as an unsigned number.
    pub(crate) fn uint(&self, element: Element) -> Option<u64> {
        let bytes = self.values.get(&element)?;
        assert!(bytes.len() <= 8);
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(crate) fn text(&self, element: Element) -> Option<&str> {
        Some(str::from_utf8(self.values.get(&element)?).unwrap())
    }
}

impl Collector {
    /// Reads one message, and all of it.
    #[track_caller]
    pub(crate) fn message(&mut self, bytes: &[u8]) -> Message {
        let mut header = bytes;
        assert_eq!(number(&mut header, 2), 10, "version");
        assert_eq!(number(&mut header, 2), bytes.len() as u64, "length of the message");
        let [export_time, sequence, observation_domain] = [(); 3].map(|()| number(&mut header, 4) as u32);
        assert_eq!(sequence, self.records, "the sequence number counts data records before");
        let (mut templates, mut records) = (Vec::new(), Vec::new());
        let mut sets = header;
        assert!(!sets.is_empty());
        while !sets.is_empty() {
            let mut set = sets;
            let id = number(&mut set, 2) as u16;
            let len = number(&mut set, 2) as usize;
            let mut set = &sets[4..len];
            sets = &sets[len..];
            assert!(!set.is_empty(), "a set has a record");
            match id {
                2 | 3 => {
                    while !set.is_empty() {
                        templates.push(self.template(&mut set, id == 3));
                    }
                }
                256.. => {
                    let template = self.templates.get(&id).expect("a template comes before its records");
                    while !set.is_empty() {
                        records.push(record(id, template, &mut set));
                        self.records = self.records.wrapping_add(1);
                    }
                }
                _ => panic!("set {id}"),
            }
        }
        Message { export_time, sequence, observation_domain, len: bytes.len(), templates, records }
    }

    /// Reads messages that follow each other, as in a file (RFC 5655).
    #[track_caller]
    pub(crate) fn file(&mut self, mut bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        while !bytes.is_empty() {
            let (message, rest) = bytes.split_at(usize::from(bytes[2]) << 8 | usize::from(bytes[3]));
            messages.push(self.message(message));
            bytes = rest;
        }
        messages
    }

    /// Learns a template. The same id always means the same.
    #[track_caller]
    fn template(&mut self, set: &mut &[u8], options: bool) -> u16 {
        let id = number(set, 2) as u16;
        assert!(id >= 256);
        let count = number(set, 2);
        assert!(count > 0);
        let scopes = if options { number(set, 2) as u16 } else { 0 };
        assert!(!options || scopes > 0);
        let mut fields = Vec::new();
        for _ in 0..count {
            let (element, length) = (number(set, 2) as u16, number(set, 2) as u16);
            let enterprise = if element >> 15 == 1 { number(set, 4) as u32 } else { 0 };
            fields.push(((enterprise, element & 0x7fff), length));
        }
        let elements: HashSet<_> = fields.iter().map(|(element, _)| *element).collect();
        assert_eq!(elements.len(), fields.len(), "each element once");
        let template = Template { scopes, fields };
        let known = self.templates.entry(id).or_insert_with(|| template.clone());
        assert_eq!(*known, template);
        id
    }
}

/// The flow records of messages, and their options records.
pub(crate) fn sorted(messages: &[Message]) -> (Vec<&Record>, Vec<&Record>) {
    messages.iter().flat_map(|message| &message.records).partition(|record| record.scopes == 0)
}

fn record(id: u16, template: &Template, set: &mut &[u8]) -> Record {
    let mut values = BTreeMap::new();
    for (element, length) in &template.fields {
        let len = match *length {
            65_535 => match number(set, 1) {
                255 => number(set, 2),
                len => len,
            },
            len => len.into(),
        };
        let (value, rest) = set.split_at(len as usize);
        *set = rest;
        values.insert(*element, value.to_vec());
    }
    Record { template: id, scopes: template.scopes, values }
}

fn number(bytes: &mut &[u8], len: usize) -> u64 {
    let (number, rest) = bytes.split_at(len);
    *bytes = rest;
    number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
