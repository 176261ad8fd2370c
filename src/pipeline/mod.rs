//! Pipelines: packets and flows one after the other, through links of one's choice, into a sink.
//!
//! Items travel in [`Batch`]es, so that a native [`Link`] costs a virtual call for hundreds of packets and nothing for each.
//! A packet item is lazy: it knows where its bytes lie and what decoding learnt, and everything else is read when somebody
//! asks ([`PacketView`]). Every frame makes an item, whatever is in it; what cannot be decoded says why and is counted.
//!
//! ```no_run
//! use flowgauge::Streamer;
//! use flowgauge::pipeline::{PacketMeta, PacketStreamer, PacketSummary, Pipeline, ReverseDns, Tagger, TransportMeta};
//!
//! let source = PacketStreamer::new(Streamer::from_file("trace.pcap").bpf_filter("udp"))?;
//! let counts = Pipeline::new(source)
//!     .link(PacketMeta::default())
//!     .link(TransportMeta::default())
//!     .link(ReverseDns::default())
//!     .link(Tagger::default())
//!     .pull(&mut PacketSummary::new("standard output", std::io::stdout()))?;
//! println!("{} frames", counts.frames);
//! # Ok::<(), flowgauge::Error>(())
//! ```

mod address;
mod batch;
mod branch;
mod chain;
mod connections;
mod conversations;
mod counts;
mod csv_sink;
mod dates;
mod dns;
mod dns_csv;
mod dns_meta;
mod dns_stream;
mod dns_summary;
mod export_sink;
mod field;
mod flow_cargo;
mod flow_item;
mod flows;
mod http_meta;
mod item;
mod json_sink;
mod label;
mod lines;
mod meta;
mod packet_streamer;
mod printer;
mod protocol;
mod reverse_dns;
mod summary;
mod tagger;
mod tags;
mod text;
mod tls_meta;
mod told;
mod told_json;
mod urls;
mod urls_csv;
mod view;

pub use address::AddressKind;
pub use batch::Batch;
pub use branch::{Branch, Way};
pub use chain::Pipeline;
pub use counts::{Counter, Counts, LookupCounts};
pub use csv_sink::CsvSink;
pub use dns::Dns;
pub use dns_csv::DnsCsv;
pub use dns_meta::DnsMeta;
pub use dns_summary::DnsSummary;
pub use export_sink::ExportSink;
pub use field::Field;
pub use flow_item::{FlowItem, FlowState, Half, Role};
pub use flows::Flows;
pub use http_meta::HttpMeta;
pub use item::{Attachment, Item, PacketItem, Place, Stages};
pub use json_sink::JsonSink;
pub use label::{Domain, Label};
pub use meta::{PacketMeta, TransportMeta};
pub use packet_streamer::PacketStreamer;
pub use printer::PacketPrinter;
pub use protocol::{ether_type_name, protocol_name};
pub use reverse_dns::{Resolver, ReverseDns};
pub use summary::PacketSummary;
pub use tagger::Tagger;
pub use tags::Tags;
pub use text::is_harmful;
pub use tls_meta::TlsMeta;
pub use told::{FlowTold, HttpTold, TlsTold, Wants};
pub use urls::{UrlForm, UrlPrinter};
pub use view::{Arp, Ip, Ipv4Fields, LinkFields, Network, PacketView, Segment, Transport};

use crate::error::Result;

/// Where items come from.
pub trait Source: Send {
    /// Replaces what `batch` holds by the next items.
    ///
    /// After [`Pulled::End`] or an error there is nothing more.
    ///
    /// # Errors
    ///
    /// What ended the source before its end, after the last good item.
    fn next_batch(&mut self, batch: &mut Batch) -> Result<Pulled>;

    /// Adds what this part counted.
    fn count(&self, counts: &mut Counts) {
        let _ = counts;
    }
}

/// Changes items on their way, takes some out, or puts others in.
pub trait Link: Send {
    /// Works on the items of a batch, in place. A batch without items comes when a wire was silent: its
    /// [clock](Batch::clock) may have moved on.
    ///
    /// # Errors
    ///
    /// What ends the run, [`Error::Link`](crate::Error::Link) where nothing else fits.
    fn process(&mut self, batch: &mut Batch) -> Result<()>;

    /// There is nothing more to come: puts some of what was held back into the empty `batch`, and tells whether there is more
    /// of it.
    ///
    /// # Errors
    ///
    /// As [`Link::process`].
    fn finish(&mut self, batch: &mut Batch) -> Result<bool> {
        let _ = batch;
        Ok(false)
    }

    /// What this part wants to be told of the packets that a part before it takes away, as [`Flows`] does.
    fn wants(&self) -> Wants {
        Wants::default()
    }

    /// What a part behind wants, asked for before anything is processed.
    fn provide(&mut self, wanted: &Wants) {
        let _ = wanted;
    }

    /// Adds what this part counted.
    fn count(&self, counts: &mut Counts) {
        let _ = counts;
    }
}

/// Where items go.
pub trait Sink: Send {
    /// Takes the items of a batch.
    ///
    /// # Errors
    ///
    /// [`Error::Write`](crate::Error::Write), or what else ends the run.
    fn take(&mut self, batch: &mut Batch) -> Result<()>;

    /// Hands on what is held back, for whoever reads along: nothing came for a moment, or everything has come.
    ///
    /// # Errors
    ///
    /// [`Error::Write`](crate::Error::Write).
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// Writes what is to stand at the end, when there are no more items.
    ///
    /// # Errors
    ///
    /// [`Error::Write`](crate::Error::Write).
    fn finish(&mut self) -> Result<()> {
        self.flush()
    }

    /// Hears that an error ended the source or a link, before [`Sink::finish`]: what came is not the whole. Does nothing by
    /// default.
    fn fail(&mut self) {}

    /// As [`Link::wants`], for a sink with links in it.
    fn wants(&self) -> Wants {
        Wants::default()
    }

    /// Adds what this part counted.
    fn count(&self, counts: &mut Counts) {
        let _ = counts;
    }
}

/// What pulling came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pulled {
    /// Items, perhaps none of which is left.
    Items,
    /// Nothing came for a moment (about 100 ms) from a wire; neither an end nor an error.
    Silence,
    /// There is nothing more.
    End,
}

/// A function of one's own is a link.
impl<F: FnMut(&mut Batch) -> Result<()> + Send> Link for F {
    fn process(&mut self, batch: &mut Batch) -> Result<()> {
        self(batch)
    }
}

impl Source for Box<dyn Source> {
    fn next_batch(&mut self, batch: &mut Batch) -> Result<Pulled> {
        (**self).next_batch(batch)
    }

    fn count(&self, counts: &mut Counts) {
        (**self).count(counts);
    }
}

impl Link for Box<dyn Link> {
    fn process(&mut self, batch: &mut Batch) -> Result<()> {
        (**self).process(batch)
    }

    fn finish(&mut self, batch: &mut Batch) -> Result<bool> {
        (**self).finish(batch)
    }

    fn wants(&self) -> Wants {
        (**self).wants()
    }

    fn provide(&mut self, wanted: &Wants) {
        (**self).provide(wanted);
    }

    fn count(&self, counts: &mut Counts) {
        (**self).count(counts);
    }
}

impl Sink for Box<dyn Sink> {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        (**self).take(batch)
    }

    fn flush(&mut self) -> Result<()> {
        (**self).flush()
    }

    fn finish(&mut self) -> Result<()> {
        (**self).finish()
    }

    fn wants(&self) -> Wants {
        (**self).wants()
    }

    fn count(&self, counts: &mut Counts) {
        (**self).count(counts);
    }

    fn fail(&mut self) {
        (**self).fail();
    }
}
