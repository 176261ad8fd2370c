//! Ways to a collector.

use std::fmt::Display;
use std::net::{TcpStream, ToSocketAddrs};

use crate::error::{Error, Result};
use crate::export::Columns;
use crate::export::ipfix::{Datagrams, IpfixExporter, IpfixOptions, Way};

impl IpfixExporter<Datagrams> {
    /// Sends those of these columns that have an element to the collector at this address (`collector.example:4739`), over UDP.
    ///
    /// Datagrams may get lost, as the sequence numbers then tell the collector. An [`Error::Write`] that says nobody listens
    /// there is about an earlier message; the exporter may go on after it.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] when there is no such address; [`Error::Option`] and [`Error::Column`] as [`IpfixExporter::new`].
    pub fn udp(
        collector: impl ToSocketAddrs + Display,
        columns: impl Into<Columns>,
        options: &IpfixOptions,
    ) -> Result<Self> {
        let name = format!("udp://{collector}");
        let socket = Datagrams::to(collector, options.udp_bytes_per_second)
            .map_err(|source| Error::Write { what: name.clone(), source })?;
        let interval = options.interval_nanos();
        let way = Way { live: true, interval, refresh: Some((options.refresh_messages, interval)) };
        Self::over(way, UDP_MESSAGE_BYTES, name, socket, &columns.into(), options)
    }
}

impl IpfixExporter<TcpStream> {
    /// Sends those of these columns that have an element to the collector at this address (`collector.example:4739`), over TCP.
    ///
    /// # Errors
    ///
    /// [`Error::Write`] when nobody listens there; [`Error::Option`] and [`Error::Column`] as [`IpfixExporter::new`].
    pub fn tcp(
        collector: impl ToSocketAddrs + Display,
        columns: impl Into<Columns>,
        options: &IpfixOptions,
    ) -> Result<Self> {
        let name = format!("tcp://{collector}");
        let stream = TcpStream::connect(collector).and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        let stream = stream.map_err(|source| Error::Write { what: name.clone(), source })?;
        let way = Way { live: true, interval: options.interval_nanos(), refresh: None };
        Self::over(way, u16::MAX, name, stream, &columns.into(), options)
    }
}

const UDP_MESSAGE_BYTES: u16 = 1400;
