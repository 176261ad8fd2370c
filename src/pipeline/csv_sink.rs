//! A line of CSV (RFC 4180) a packet or flow, under a line of names.

use std::io::Write;

use crate::error::{Error, Result};
use crate::pipeline::dates::Dates;
use crate::pipeline::lines::Lines;
use crate::pipeline::{Batch, FlowItem, Item, PacketView, Segment, Sink, text};

/// Writes CSV: the columns of packets, or those of flows; the first item decides, and items of the other kind are an error.
///
/// Texts that a spreadsheet would take for a formula get an apostrophe in front, as in
/// [`CsvExporter`](crate::export::CsvExporter). Items that only the user's own code knows are passed over.
#[derive(Debug)]
pub struct CsvSink<W> {
    lines: Lines<W>,
    dates: Dates,
    kind: Option<Kind>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Packets,
    Flows,
}

impl<W: Write + Send> CsvSink<W> {
    /// Writes to `out`, which stands as `name` in errors.
    pub fn new(name: impl Into<String>, out: W) -> Self {
        Self { lines: Lines::new(name, out), dates: Dates::default(), kind: None }
    }

    /// Writes the line of names before the first item.
    fn head(&mut self, kind: Kind) -> Result<()> {
        match self.kind {
            Some(known) if known != kind => Err(Error::Column {
                column: "timestamp".to_owned(),
                detail: "packets and flows have different columns: send them to a CsvSink each, with branch".to_owned(),
            }),
            Some(_) => Ok(()),
            None => {
                self.kind = Some(kind);
                let names = if kind == Kind::Packets { PACKETS } else { FLOWS };
                self.lines.bytes.extend_from_slice(names.as_bytes());
                Ok(())
            }
        }
    }

    fn packet(&mut self, view: &PacketView<'_>) {
        let item = view.item;
        self.dates.with_micros(item.stamp(), &mut self.lines.bytes);
        self.number(Some(item.number().saturating_sub(1)));
        let link = view.link();
        for mac in [link.src, link.dst] {
            self.lines.bytes.push(b',');
            if mac.is_some() {
                text::mac(&mut self.lines.bytes, mac);
            }
        }
        self.number(link.ether_type.map(u64::from));
        self.number(Some(link.len.into()));
        let network = view.network();
        self.text(network.kind);
        let ends = match (&network.ip, &network.arp) {
            (Some(ip), _) => [Some(ip.src), Some(ip.dst)],
            (None, Some(arp)) => [Some(arp.sender.into()), Some(arp.target.into())],
            (None, None) => [None, None],
        };
        for address in ends {
            self.lines.bytes.push(b',');
            if let Some(address) = address {
                text::address(&mut self.lines.bytes, address);
            }
        }
        for domain in item.domains() {
            self.text(domain.as_str());
        }
        self.number(network.ip.map(|ip| ip.protocol.into()));
        self.number(network.ip.map(|ip| ip.ttl.into()));
        let transport = view.transport();
        let ports = transport.and_then(|transport| transport.ports);
        self.number(ports.map(|(src, _)| src.into()));
        self.number(ports.map(|(_, dst)| dst.into()));
        let flags = match transport.map(|transport| transport.segment) {
            Some(Segment::Tcp { flags, .. }) => Some(u64::from(flags)),
            _ => None,
        };
        self.number(flags);
        self.number(transport.map(|transport| transport.data.len() as u64));
        let tags: Vec<_> = item.tag_names().collect();
        self.text((!tags.is_empty()).then(|| tags.join(" ")).as_deref());
        self.text(item.skipped().map(|reason| reason.name()));
        self.lines.bytes.extend_from_slice(b"\r\n");
    }

    fn flow(&mut self, flow: &FlowItem) {
        self.dates.with_micros(flow.start(), &mut self.lines.bytes);
        self.lines.bytes.push(b',');
        self.dates.with_micros(flow.end(), &mut self.lines.bytes);
        let ((src, sport), (dst, dport), counts) = (flow.src(), flow.dst(), flow.counts());
        for address in [src, dst] {
            self.lines.bytes.push(b',');
            text::address(&mut self.lines.bytes, address);
        }
        for domain in flow.domains() {
            self.text(domain.as_str());
        }
        self.number(Some(sport.into()));
        self.number(Some(dport.into()));
        self.number(Some(flow.record().key.ip_protocol().into()));
        self.text(Some(flow.role().name()));
        self.text(Some(flow.state().name()));
        self.number(Some(counts.pkts));
        self.number(Some(counts.bytes));
        self.number(Some(counts.payload_bytes));
        self.text(flow.record().application_name());
        self.lines.bytes.extend_from_slice(b"\r\n");
    }

    fn number(&mut self, number: Option<u64>) {
        text::csv_number(&mut self.lines.bytes, number);
    }

    fn text(&mut self, text: Option<&str>) {
        text::csv_text(&mut self.lines.bytes, text);
    }
}

impl<W: Write + Send> Sink for CsvSink<W> {
    fn take(&mut self, batch: &mut Batch) -> Result<()> {
        // What came before an item of the other kind is written.
        let gathered = batch.items.iter().try_for_each(|item| {
            match item {
                Item::Packet(item) => {
                    self.head(Kind::Packets)?;
                    self.packet(&PacketView::new(item, &batch.block));
                }
                Item::Flow(flow) => {
                    self.head(Kind::Flows)?;
                    self.flow(flow);
                }
                Item::Own(_) => {}
            }
            Ok(())
        });
        self.lines.write().and(gathered)
    }

    fn flush(&mut self) -> Result<()> {
        self.lines.flush()
    }
}

const PACKETS: &str = "timestamp,packet_num,eth_src,eth_dst,eth_type,len,type,src,dst,src_domain,dst_domain,p,ttl,sport,\
                       dport,tcp_flags,data_len,tags,skipped\r\n";
const FLOWS: &str = "start,end,src,dst,src_domain,dst_domain,sport,dport,p,direction,state,pkts,bytes,payload_bytes,\
                     application_name\r\n";
