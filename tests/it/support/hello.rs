//! TLS messages made by hand.

/// What a hello is made of; lists are written as they stand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hello {
    pub(crate) version: u16,
    pub(crate) ciphers: Vec<u16>,
    /// Types and data; none at all leaves their length out too.
    pub(crate) extensions: Vec<(u16, Vec<u8>)>,
}

impl Hello {
    /// The message of a client.
    pub(crate) fn client(&self) -> Vec<u8> {
        let ciphers = list(&self.ciphers);
        let start = [&self.version.to_be_bytes()[..], &[7; 32], &[0]].concat();
        message(1, &[start, sized::<2>(&ciphers), vec![1, 0], self.tail()].concat())
    }

    /// The message of a server, which takes the first cipher.
    pub(crate) fn server(&self) -> Vec<u8> {
        let start = [&self.version.to_be_bytes()[..], &[8; 32], &[0]].concat();
        message(2, &[start, self.ciphers[0].to_be_bytes().to_vec(), vec![0], self.tail()].concat())
    }

    fn tail(&self) -> Vec<u8> {
        let extensions = self.extensions.iter();
        let all: Vec<u8> =
            extensions.flat_map(|(kind, data)| [&kind.to_be_bytes()[..], &sized::<2>(data)].concat()).collect();
        if all.is_empty() { all } else { sized::<2>(&all) }
    }
}

/// A handshake message.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [vec![kind], sized::<3>(body)].concat()
}

/// A handshake record.
pub(crate) fn record(payload: &[u8]) -> Vec<u8> {
    [vec![22, 3, 1], sized::<2>(payload)].concat()
}

/// A list of 16-bit numbers.
pub(crate) fn list(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Bytes with their length before them, in `N` bytes.
pub(crate) fn sized<const N: usize>(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[4 - N..], bytes].concat()
}

/// The data of a server name extension.
pub(crate) fn server_name(name: &str) -> Vec<u8> {
    sized::<2>(&[vec![0], sized::<2>(name.as_bytes())].concat())
}

/// The data of an extension that names protocols.
pub(crate) fn protocols(names: &[&str]) -> Vec<u8> {
    sized::<2>(&names.iter().flat_map(|name| sized::<1>(name.as_bytes())).collect::<Vec<_>>())
}

/// The example of the specification of JA4, GREASE added: Chrome on its way to a domain.
pub(crate) fn chrome(name: &str) -> Hello {
    let order = [
        0x1a1a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01,
        0x000b, 0x000a, 0x0015,
    ];
    let data = |kind| match kind {
        0x0000 => server_name(name),
        0x0010 => protocols(&["h2", "http/1.1"]),
        0x000d => sized::<2>(&list(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601])),
        0x002b => sized::<1>(&list(&[0x2a2a, 0x0304, 0x0303])),
        0x000b => vec![1, 0],
        0x000a => sized::<2>(&list(&[0x3a3a, 0x001d, 0x0017, 0x0018])),
        _ => Vec::new(),
    };
    Hello {
        version: 0x0303,
        ciphers: vec![
            0x4a4a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
            0x009d, 0x002f, 0x0035,
        ],
        extensions: order.map(|kind| (kind, data(kind))).to_vec(),
    }
}
