//! IPFIX (RFC 7011): records as messages, to a collector over UDP or TCP, or into a file (RFC 5655).
#![doc = include_str!("../../../docs/ipfix.md")]

mod application;
mod datagrams;
mod encode;
mod field;
mod message;
mod options;
mod reference;
mod template;

use std::fmt::Display;
use std::io::{self, Write};
use std::mem;
use std::net::{TcpStream, ToSocketAddrs};

pub use datagrams::Datagrams;
pub use options::IpfixOptions;
pub use reference::write_reference;

use crate::error::{Error, Result};
use crate::export::Exporter;
use crate::export::ipfix::application::Applications;
use crate::export::ipfix::field::{Field, Shape};
use crate::export::ipfix::message::Message;
use crate::export::ipfix::template::{APPLICATION_TEMPLATE, OPTIONS_TEMPLATE_SET, TEMPLATE_SET, Templates};
use crate::flow::schema::Schema;
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
    /// The data record in the making.
    data: Vec<u8>,
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
    /// Over UDP: after how many messages and nanoseconds everything is said again.
    refresh: Option<(u32, u64)>,
}

impl<W: Write> IpfixExporter<W> {
    /// Writes the columns of `schema` that have an element to `out`, which stands as `name` in errors: a file (RFC 5655 is the
    /// messages one after the other), or anything else that loses nothing.
    ///
    /// Each message is one write, so `out` need not be buffered. After a write that failed there are no more, only errors.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] when messages are to be smaller than what they must hold.
    pub fn new(name: impl Into<String>, out: W, schema: &Schema, options: &IpfixOptions) -> Result<Self> {
        Self::over(Way { live: false, refresh: None }, u16::MAX, name.into(), out, schema, options)
    }

    /// How many records had to have texts cut so that they fit into a message.
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

    fn over(way: Way, max_bytes: u16, name: String, out: W, schema: &Schema, options: &IpfixOptions) -> Result<Self> {
        let max_bytes = options.max_message_bytes.unwrap_or(max_bytes);
        let fields = field::fields(schema, options.uniflow);
        let table = options.application_table.unwrap_or(way.refresh.is_none());
        if max_bytes < IpfixOptions::MIN_MESSAGE_BYTES {
            return Err(Error::Option {
                option: "max_message_bytes",
                value: max_bytes.to_string(),
                allowed: "512 to 65535",
            });
        }
        Ok(Self {
            name,
            out,
            fields,
            uniflow: options.uniflow,
            way,
            message: Message::new(max_bytes, options.observation_domain),
            templates: Templates::default(),
            applications: table.then(Applications::default),
            data: Vec::new(),
            clock: Timestamp::MIN,
            message_since: Timestamp::MIN,
            messages: 0,
            refreshed: Timestamp::MIN,
            cut_records: 0,
            began: false,
            broken: false,
        })
    }

    /// Says everything again before the next record, if it is time to.
    fn refresh(&mut self) -> Result<()> {
        let Some((messages, nanos)) = self.way.refresh.filter(|_| self.began) else { return Ok(()) };
        if self.messages < messages.max(1) && self.clock.nanos_since(self.refreshed) < nanos {
            return Ok(());
        }
        let mut said = self.send();
        let templates = mem::take(&mut self.templates);
        for record in templates.records() {
            said = said.and(self.add(TEMPLATE_SET, record));
        }
        self.templates = templates;
        let applications = self.applications.take();
        let named = || applications.iter().flat_map(Applications::records);
        if named().next().is_some() {
            said = said.and(self.add(OPTIONS_TEMPLATE_SET, &template::application_template()));
        }
        for record in named() {
            said = said.and(self.add(APPLICATION_TEMPLATE, record));
        }
        self.applications = applications;
        (self.messages, self.refreshed) = (0, self.clock);
        said
    }

    /// Names the application of `record`, if it is a new one.
    fn name_application(&mut self, record: &FlowRecord) -> Result<()> {
        let (Some(applications), Some(application)) = (&mut self.applications, record.application.as_deref()) else {
            return Ok(());
        };
        let first = applications.records().next().is_none();
        let Some(named) = applications.meet(application).map(<[u8]>::to_vec) else { return Ok(()) };
        let said = if first { self.add(OPTIONS_TEMPLATE_SET, &template::application_template()) } else { Ok(()) };
        said.and(self.add(APPLICATION_TEMPLATE, &named))
    }

    /// Appends `record` as `view` sees it, and its template if it is the first of its shape.
    fn put(&mut self, record: &FlowRecord, view: Direction) -> Result<()> {
        let mut data = mem::take(&mut self.data);
        let longest = self.message.longest_record();
        let mut longest_text = longest;
        let mut shape = self.encode(&mut data, record, view, longest_text);
        while data.len() > longest && longest_text > 0 {
            longest_text /= 2;
            shape = self.encode(&mut data, record, view, longest_text);
        }
        if longest_text < longest {
            self.cut_records += 1;
        }
        let (id, told) = self.template(shape);
        let put = told.and(self.add(id, &data));
        self.data = data;
        put
    }

    /// Writes `record` into `data`, as a shape that has a template or may get one.
    fn encode(&self, data: &mut Vec<u8>, record: &FlowRecord, view: Direction, longest_text: usize) -> Shape {
        data.clear();
        let shape = field::push_record(data, &self.fields, record, view, longest_text);
        if self.templates.id(shape).is_some() || self.templates.has_room() {
            return shape;
        }
        data.clear();
        field::push_full_record(data, &self.fields, record, view, longest_text)
    }

    /// The id of a shape's template, which is said before it is used.
    fn template(&mut self, shape: Shape) -> (u16, Result<()>) {
        if let Some(id) = self.templates.id(shape) {
            return (id, Ok(()));
        }
        let (id, template) = self.templates.make(shape, &self.fields);
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
        let sent = if self.broken {
            Err(io::Error::other("an earlier message could not be written"))
        } else {
            self.out.write_all(message)
        };
        self.broken = sent.is_err() && self.way.refresh.is_none();
        self.message.next();
        self.messages = self.messages.saturating_add(1);
        sent.map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> Error {
        Error::Write { what: self.name.clone(), source }
    }
}

impl IpfixExporter<Datagrams> {
    /// Sends the columns of `schema` that have an element to the collector at this address (`collector.example:4739`), over UDP.
    ///
    /// Datagrams may get lost, as the sequence numbers then tell the collector. An [`Error::Write`] that says nobody listens
    /// there is about an earlier message; the exporter may go on after it.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] when there is no such address; [`Error::Option`] as [`IpfixExporter::new`].
    pub fn udp(collector: impl ToSocketAddrs + Display, schema: &Schema, options: &IpfixOptions) -> Result<Self> {
        let name = format!("udp://{collector}");
        let socket = Datagrams::to(collector, options.udp_bytes_per_second)
            .map_err(|source| Error::Write { what: name.clone(), source })?;
        let interval = u64::try_from(options.refresh_interval.as_nanos()).unwrap_or(u64::MAX);
        let way = Way { live: true, refresh: Some((options.refresh_messages, interval)) };
        Self::over(way, UDP_MESSAGE_BYTES, name, socket, schema, options)
    }
}

impl IpfixExporter<TcpStream> {
    /// Sends the columns of `schema` that have an element to the collector at this address (`collector.example:4739`), over TCP.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] when nobody listens there; [`Error::Option`] as [`IpfixExporter::new`].
    pub fn tcp(collector: impl ToSocketAddrs + Display, schema: &Schema, options: &IpfixOptions) -> Result<Self> {
        let name = format!("tcp://{collector}");
        let stream = TcpStream::connect(collector).and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        let stream = stream.map_err(|source| Error::Write { what: name.clone(), source })?;
        Self::over(Way { live: true, refresh: None }, u16::MAX, name, stream, schema, options)
    }
}

impl<W: Write> Exporter for IpfixExporter<W> {
    fn export(&mut self, record: &FlowRecord) -> Result<()> {
        self.clock = self.clock.max(record.last_clock);
        let mut sent = Ok(());
        if !self.began {
            (self.began, self.refreshed) = (true, self.clock);
        }
        if self.way.live && self.clock.nanos_since(self.message_since) >= LONGEST_WAIT_NANOS {
            sent = self.send();
        }
        sent = sent.and(self.refresh()).and(self.name_application(record));
        if !self.uniflow {
            return sent.and(self.put(record, Direction::SrcToDst));
        }
        let [there, back] = [Direction::SrcToDst, Direction::DstToSrc].map(|way| record.of(way).pkts > 0);
        if there || !back {
            sent = sent.and(self.put(record, Direction::SrcToDst));
        }
        if back {
            sent = sent.and(self.put(record, Direction::DstToSrc));
        }
        sent
    }

    fn flush(&mut self) -> Result<()> {
        Self::flush(self)
    }

    /// Sends what waits. A run without a record still tells what its records would look like.
    fn finish(&mut self) -> Result<()> {
        let mut said = Ok(());
        for ip_version in if self.began { &[][..] } else { &[4, 6] } {
            said = said.and(self.template(field::full_shape(&self.fields, *ip_version)).1);
        }
        self.began = true;
        said.and(self.flush())
    }
}

const UDP_MESSAGE_BYTES: u16 = 1400;
/// How much of the capture may pass while a message for a collector waits for more records.
const LONGEST_WAIT_NANOS: u64 = 1_000_000_000;
