//! ClientHello and ServerHello (RFC 8446 §4.1, RFC 5246 §7.4.1; in DTLS RFC 9147 §5.3): where their parts lie.

use crate::dissect::tls::reader::Reader;
use crate::dissect::tls::reader::numbers;

/// What a client offers; everything as it stands in the message.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::dissect) struct ClientHello<'a> {
    /// The legacy version.
    pub(super) version: u16,
    ciphers: &'a [u8],
    extensions: Extensions<'a>,
}

/// What a server chose.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerHello<'a> {
    /// The legacy version.
    pub(super) version: u16,
    pub(super) cipher: u16,
    extensions: Extensions<'a>,
}

impl<'a> ClientHello<'a> {
    /// Reads the body of a ClientHello; `None` where a length in it lies. With `cookie`, that of DTLS.
    pub(in crate::dissect) fn parse(body: &'a [u8], cookie: bool) -> Option<Self> {
        let mut body = Reader(body);
        let version = body.u16()?;
        body.take(RANDOM)?;
        body.vector::<1>()?;
        if cookie {
            body.vector::<1>()?;
        }
        let ciphers = body.vector::<2>()?;
        body.vector::<1>()?;
        Some(Self { version, ciphers, extensions: Extensions::parse(body)? })
    }

    /// The cipher suites.
    pub(super) fn ciphers(&self) -> impl Iterator<Item = u16> + Clone + 'a {
        numbers(self.ciphers)
    }

    /// The types of the extensions.
    pub(super) fn extensions(&self) -> impl Iterator<Item = u16> + Clone + 'a {
        self.extensions.all().map(|(kind, _)| kind)
    }

    /// The first host name of the server name extension (RFC 6066 §3).
    pub(super) fn server_name(&self) -> Option<&'a [u8]> {
        let mut names = Reader(Reader(self.extensions.find(SERVER_NAME)?).vector::<2>()?);
        while let Some(kind) = names.u8() {
            let name = names.vector::<2>()?;
            if kind == 0 && !name.is_empty() {
                return Some(name);
            }
        }
        None
    }

    /// The groups (once elliptic curves) that the client knows (RFC 8422 §5.1.1, RFC 8446 §4.2.7).
    pub(super) fn groups(&self) -> impl Iterator<Item = u16> + 'a {
        numbers(self.extensions.vector::<2>(GROUPS))
    }

    /// The point formats that it knows (RFC 8422 §5.1.2).
    pub(super) fn point_formats(&self) -> &'a [u8] {
        self.extensions.vector::<1>(POINT_FORMATS)
    }

    /// The signature algorithms that it knows (RFC 8446 §4.2.3).
    pub(super) fn signature_algorithms(&self) -> impl Iterator<Item = u16> + 'a {
        numbers(self.extensions.vector::<2>(SIGNATURE_ALGORITHMS))
    }

    /// The protocols that it offers (RFC 7301).
    pub(super) fn protocols(&self) -> impl Iterator<Item = &'a [u8]> {
        self.extensions.protocols()
    }

    /// The versions of the extension that names them (RFC 8446 §4.2.1); `None` without it.
    pub(super) fn supported_versions(&self) -> Option<impl Iterator<Item = u16> + 'a> {
        self.extensions.find(SUPPORTED_VERSIONS).map(|data| numbers(Reader(data).vector::<1>().unwrap_or_default()))
    }
}

impl<'a> ServerHello<'a> {
    /// Reads the body of a ServerHello or a HelloRetryRequest; `None` where a length in it lies.
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let mut body = Reader(body);
        let version = body.u16()?;
        body.take(RANDOM)?;
        // Up to draft 21 of TLS 1.3 neither session nor compression follow (0x7f00 and the number of the draft).
        let draft = (0x7f00..=0x7f15).contains(&version);
        if !draft {
            body.vector::<1>()?;
        }
        let cipher = body.u16()?;
        if !draft {
            body.u8()?;
        }
        Some(Self { version, cipher, extensions: Extensions::parse(body)? })
    }

    /// The types of the extensions.
    pub(super) fn extensions(&self) -> impl Iterator<Item = u16> + Clone + 'a {
        self.extensions.all().map(|(kind, _)| kind)
    }

    /// The version that was settled on.
    pub(super) fn selected_version(&self) -> u16 {
        self.extensions.find(SUPPORTED_VERSIONS).and_then(|data| Reader(data).u16()).unwrap_or(self.version)
    }

    /// The protocol that was chosen (RFC 7301).
    pub(super) fn protocol(&self) -> Option<&'a [u8]> {
        self.extensions.protocols().next()
    }
}

/// The extensions of a hello, whose lengths are right.
#[derive(Clone, Copy, Debug, Default)]
struct Extensions<'a>(&'a [u8]);

impl<'a> Extensions<'a> {
    /// Reads what follows the compression methods: extensions, or nothing at all.
    fn parse(mut rest: Reader<'a>) -> Option<Self> {
        if rest.is_empty() {
            return Some(Self::default());
        }
        let all = rest.vector::<2>()?;
        let mut reader = Reader(all);
        while !reader.is_empty() {
            reader.u16()?;
            reader.vector::<2>()?;
        }
        Some(Self(all))
    }

    fn all(&self) -> impl Iterator<Item = (u16, &'a [u8])> + Clone + use<'a> {
        let mut rest = Reader(self.0);
        std::iter::from_fn(move || Some((rest.u16()?, rest.vector::<2>()?)))
    }

    /// The data of the first extension of type `kind`.
    fn find(&self, kind: u16) -> Option<&'a [u8]> {
        self.all().find(|(found, _)| *found == kind).map(|(_, data)| data)
    }

    /// The one vector that the extension of type `kind` is; empty where there is none.
    fn vector<const N: usize>(&self, kind: u16) -> &'a [u8] {
        self.find(kind).and_then(|data| Reader(data).vector::<N>()).unwrap_or_default()
    }

    fn protocols(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut names = Reader(self.vector::<2>(PROTOCOLS));
        std::iter::from_fn(move || names.vector::<1>())
    }
}

const RANDOM: usize = 32;

// Extension types (IANA TLS ExtensionType Values).
pub(super) const SERVER_NAME: u16 = 0;
const GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
pub(super) const PROTOCOLS: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
