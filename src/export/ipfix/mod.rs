//! IPFIX (RFC 7011): records as messages, to a collector over UDP or TCP, or into a file (RFC 5655).
#![doc = include_str!("../../../docs/ipfix.md")]

mod application;
mod connect;
mod datagrams;
mod encode;
mod field;
mod information;
mod message;
mod options;
mod own;
mod reference;
mod say;
mod shape;
mod statistics;
mod template;

use std::io::{self, Write};
use std::mem;
use std::num::NonZeroU32;

pub use datagrams::Datagrams;
pub use options::IpfixOptions;
pub use reference::write_reference;

use crate::error::{Error, Result};
use crate::export::ipfix::application::Applications;
use crate::export::ipfix::field::{Field, REVERSE, View};
use crate::export::ipfix::message::Message;
use crate::export::ipfix::own::OwnElement;
use crate::export::ipfix::shape::Shape;
use crate::export::ipfix::statistics::Sent;
use crate::export::ipfix::template::{TEMPLATE_SET, Templates};
use crate::export::{Columns, Exporter, Ignored};
use crate::flow::{Direction, FlowRecord};
use crate::time::Timestamp;

/// Writes records as IPFIX.
///
/// Messages leave when they are full, when [`IpfixExporter::flush`] or [`Exporter::finish`] is called, and on the way to a
/// collector also when a second of the capture has passed since their first record.
#[derive(Debug)]
pub struct IpfixExporter<W> {
    name: String,
    out: W,
    fields: Vec<Field>,
    uniflow: bool,
    /// What holds for the way there.
    way: Way,
    message: Message,
    templates: Templates,
    /// With the table of applications.
    applications: Option<Applications>,
    /// The user's own enterprise number.
    enterprise: Option<u32>,
    /// The type information of elements of the user's own, as options records.
    types: Vec<Vec<u8>>,
    sent: Sent,
    /// What the metering left out, as far as somebody said so.
    ignored: Option<Ignored>,
    /// Whether statistics of metering and exporting are told.
    statistics: bool,
    /// The clock when they were told.
    statistics_told: Timestamp,
    /// The options templates of theirs that were said.
    statistics_templates: Vec<u16>,
    /// The data record in the making, and which fields it has.
    data: Vec<u8>,
    shape: Shape,
    /// The largest clock of the records so far: what is now, for a message.
    clock: Timestamp,
    /// The clock when this message got its first record.
    message_since: Timestamp,
    /// Messages since everything was said again.
    messages: u32,
    /// The clock when everything was said again.
    refreshed: Timestamp,
    cut_records: u64,
    began: bool,
    /// Whether a message may have been written in part, so that no reader would find the next one.
    broken: bool,
}

/// How messages travel.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// Whether somebody waits for them at the other end.
    live: bool,
    /// After how many nanoseconds statistics are told again.
    interval: u64,
    /// Over UDP: after how many messages and nanoseconds everything is said again.
    refresh: Option<(u32, u64)>,
}

impl<W: Write> IpfixExporter<W> {
    /// Writes those of these columns that have an element to `out`, which stands as `name` in errors: a file (RFC 5655 is the
    /// messages one after the other), or anything else that loses nothing.
    ///
    /// A [`Schema`](crate::flow::schema::Schema) is all columns of a run, [`Columns::choose`] some. Those without an element of
    /// IANA's registry, metrics among them, want [`IpfixOptions::enterprise_number`]. Each message is one write, so `out` need
    /// not be buffered. After a write that failed there are no more, only errors.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] when messages are to be smaller than what they must hold, or the enterprise number is that of reverse
    /// elements; [`Error::Column`] when so many columns do not fit into a message.
    pub fn new(name: impl Into<String>, out: W, columns: impl Into<Columns>, options: &IpfixOptions) -> Result<Self> {
        let way = Way { live: false, interval: u64::MAX, refresh: None };
        Self::over(way, u16::MAX, name.into(), out, &columns.into(), options)
    }

    /// How many records had to have texts or lists cut so that they fit into a message.
    pub fn cut_records(&self) -> u64 {
        self.cut_records
    }

    /// Sends the message that waits for more records, if there is one: for a wire on which little happens.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub fn flush(&mut self) -> Result<()> {
        self.send()?;
        self.out.flush().map_err(|source| self.error(source))
    }

    fn over(way: Way, max_bytes: u16, name: String, out: W, columns: &Columns, options: &IpfixOptions) -> Result<Self> {
        let max_bytes = options.max_message_bytes.unwrap_or(max_bytes);
        let refused = |option, value: u32, allowed| Error::Option { option, value: value.to_string(), allowed };
        if max_bytes < IpfixOptions::MIN_MESSAGE_BYTES {
            return Err(refused("max_message_bytes", max_bytes.into(), "512 to 65535"));
        }
        let enterprise = options.enterprise_number.map(NonZeroU32::get);
        if enterprise == Some(REVERSE) {
            return Err(refused("enterprise_number", REVERSE, "other than that of reverse elements (RFC 5103)"));
        }
        let message = Message::new(max_bytes, options.observation_domain);
        let own = if enterprise.is_some() { own::own_elements(columns) } else { Ok(Vec::new()) };
        let fits = |own: &Vec<OwnElement>| fits(columns, own, options, message.longest_record());
        let own = own.and_then(|own| fits(&own).map(|()| own)).map_err(|column| {
            let detail = format!(
                "one too many for messages of {max_bytes} bytes: choose fewer columns, or allow larger messages"
            );
            Error::Column { column, detail }
        })?;
        let lossy = way.refresh.is_some();
        let told = enterprise.filter(|_| options.type_information);
        let statistics = options.process_statistics.unwrap_or(!lossy);
        let types = told.map(|enterprise| information::type_records(enterprise, &own, statistics));
        Ok(Self {
            name,
            out,
            fields: field::fields(columns, &own, enterprise.unwrap_or_default(), options.uniflow),
            uniflow: options.uniflow,
            way,
            message,
            templates: Templates::new(if own.is_empty() || lossy { Templates::MOST } else { Templates::MOST_OWN }),
            applications: options.application_table.unwrap_or(!lossy).then(Applications::default),
            enterprise,
            types: types.unwrap_or_default(),
            sent: Sent::default(),
            ignored: None,
            statistics,
            statistics_told: Timestamp::MIN,
            statistics_templates: Vec::new(),
            data: Vec::new(),
            shape: Shape::default(),
            clock: Timestamp::MIN,
            message_since: Timestamp::MIN,
            messages: 0,
            refreshed: Timestamp::MIN,
            cut_records: 0,
            began: false,
            broken: false,
        })
    }

    /// Appends `record` as it looks from one end, and its template if it is the first of its shape.
    fn put(&mut self, record: &FlowRecord, way: Direction, own: bool) -> Result<()> {
        let (mut data, mut shape) = (mem::take(&mut self.data), mem::take(&mut self.shape));
        let longest = self.message.longest_record();
        let mut view = View { way, own, longest: usize::MAX };
        self.encode(&mut data, &mut shape, record, view);
        while data.len() > longest && view.longest > 0 {
            view.longest = if view.longest == usize::MAX { longest } else { view.longest / 2 };
            self.encode(&mut data, &mut shape, record, view);
        }
        if view.longest < usize::MAX {
            self.cut_records += 1;
        }
        let (id, told) = self.template(&shape);
        let put = told.and(self.add(id, &data));
        self.sent.add(&if self.uniflow { *record.of(way) } else { record.total() });
        (self.data, self.shape) = (data, shape);
        put
    }

    /// Writes `record` into `data`, as a shape that has a template or may get one.
    fn encode(&self, data: &mut Vec<u8>, shape: &mut Shape, record: &FlowRecord, view: View) {
        data.clear();
        field::push_record(data, &self.fields, record, view, shape);
        if self.templates.id(shape).is_some() || (self.templates.has_room() && !shape.is_empty()) {
            return;
        }
        data.clear();
        *shape = field::push_full_record(data, &self.fields, record, view);
    }

    /// The id of a shape's template, which is said before it is used.
    fn template(&mut self, shape: &Shape) -> (u16, Result<()>) {
        if let Some(id) = self.templates.id(shape) {
            return (id, Ok(()));
        }
        let (id, template) = self.templates.make(shape.clone(), &self.fields);
        let template = template.to_vec();
        (id, self.add(TEMPLATE_SET, &template))
    }

    /// Appends a record to the message, or to the next one.
    fn add(&mut self, set: u16, record: &[u8]) -> Result<()> {
        if self.message.is_empty() {
            self.message_since = self.clock;
        }
        if self.message.add(set, record) {
            return Ok(());
        }
        let sent = self.send();
        self.message_since = self.clock;
        self.message.add(set, record);
        sent
    }

    /// Sends the message, if there is something in it. A datagram that cannot be sent is lost, and its records are missing in the
    /// sequence numbers; after that of a stream nothing more is written.
    fn send(&mut self) -> Result<()> {
        if self.message.is_empty() {
            return Ok(());
        }
        let message = self.message.close(self.clock);
        let message_bytes = message.len();
        let sent = if self.broken {
            Err(io::Error::other("an earlier message could not be written"))
        } else {
            self.out.write_all(message)
        };
        self.broken = sent.is_err() && self.way.refresh.is_none();
        self.sent.message(message_bytes, sent.is_ok());
        self.message.next();
        self.messages = self.messages.saturating_add(1);
        sent.map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> Error {
        Error::Write { what: self.name.clone(), source }
    }
}

impl<W: Write> Exporter for IpfixExporter<W> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        self.clock = self.clock.max(record.last_clock);
        let mut sent = Ok(());
        if !self.began {
            (self.began, self.refreshed, self.statistics_told) = (true, self.clock, self.clock);
            sent = self.say_types();
        }
        if self.way.live && self.clock.nanos_since(self.message_since) >= LONGEST_WAIT_NANOS {
            sent = sent.and(self.send());
        }
        sent = sent.and(self.refresh()).and(self.name_application(record));
        if !self.uniflow {
            return sent.and(self.put(record, Direction::SrcToDst, true));
        }
        let [there, back] = [Direction::SrcToDst, Direction::DstToSrc].map(|way| record.of(way).pkts > 0);
        if there || !back {
            sent = sent.and(self.put(record, Direction::SrcToDst, true));
        }
        if back {
            sent = sent.and(self.put(record, Direction::DstToSrc, !there));
        }
        sent
    }

    fn flush(&mut self) -> Result<()> {
        Self::flush(self)
    }

    fn ignored(&mut self, ignored: &Ignored) {
        if self.statistics && self.ignored.as_ref() != Some(ignored) {
            self.ignored = Some(ignored.clone());
        }
    }

    /// Sends what waits, and then the statistics. A run without a record still tells what its records would look like.
    fn finish(&mut self) -> Result<()> {
        let mut said = Ok(());
        if !self.began {
            said = self.say_types();
            for ip_version in [4, 6] {
                said = said.and(self.template(&field::full_shape(&self.fields, ip_version)).1);
            }
        }
        self.began = true;
        said.and(self.say_statistics()).and(self.flush())
    }
}

/// Whether the template of a full record fits into so many bytes, and a full record with nothing in its texts and lists.
///
/// # Errors
///
/// The name of the first column of the user's own that does not.
fn fits(columns: &Columns, own: &[OwnElement], options: &IpfixOptions, room: usize) -> std::result::Result<(), String> {
    let fields = field::fields(columns, &[], 0, options.uniflow);
    for ip_version in [4, 6] {
        let shape = field::full_shape(&fields, ip_version);
        let mut template = template::template(0, &shape, &fields).len();
        let there = fields.iter().enumerate().filter(|(nth, _)| shape.contains(*nth));
        let mut record: usize = there.map(|(_, field)| field.kind.least_octets()).sum();
        for element in own {
            template += template::OWN_FIELD;
            record += element.kind.least_octets();
            if template.max(record) > room {
                return Err(element.name.clone());
            }
        }
    }
    Ok(())
}

/// How much of the capture may pass while a message for a collector waits for more records.
const LONGEST_WAIT_NANOS: u64 = 1_000_000_000;
