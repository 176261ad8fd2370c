//! UDP as something to write to: what is written at once is one datagram.

use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

/// A UDP socket that sends to one collector.
#[derive(Debug)]
pub struct Datagrams(UdpSocket);

impl Datagrams {
    /// A socket for the first address of `collector` that one can be had for.
    pub(super) fn to(collector: impl ToSocketAddrs) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in collector.to_socket_addrs()? {
            match open(address) {
                Ok(socket) => return Ok(Self(socket)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// Each call sends one datagram.
impl Write for Datagrams {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.0.send(datagram)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn open(collector: SocketAddr) -> io::Result<UdpSocket> {
    let any = if collector.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.connect(collector)?;
    Ok(socket)
}
