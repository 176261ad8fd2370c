//! The keys of QUIC Initial packets, which anybody can derive who sees the first one (RFC 9001 §5.2, RFC 9369 §3.3).

use aes_gcm::aead::AeadInOut;
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{Aes128Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

/// A version of QUIC as its Initial packets differ.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Version {
    salt: [u8; 20],
    /// What stands before the labels of keys.
    label: &'static str,
    /// The two bits of a long header that say Initial.
    pub(super) initial: u8,
}

impl Version {
    /// The version with this number; `None` where nothing is known of it.
    pub(super) const fn known(number: u32) -> Option<Self> {
        let salt = match number {
            0x0000_0001 | 0xff00_0021..=0xff00_0022 => SALT_1,
            0x6b33_43cf => return Some(Self { salt: SALT_2, label: "quicv2", initial: 1 }),
            // Drafts, and Facebook's implementation of one.
            0xff00_001d..=0xff00_0020 => SALT_DRAFT_29,
            0xff00_0017..=0xff00_001c | 0xface_b002 => SALT_DRAFT_23,
            _ => return None,
        };
        Some(Self { salt, label: "quic", initial: 0 })
    }

    /// The two bits that say Retry.
    pub(super) const fn retry(self) -> u8 {
        self.initial.wrapping_sub(1) & 3
    }
}

/// What protects the Initial packets of a client.
#[derive(Debug)]
pub(super) struct Keys {
    packet: Aes128Gcm,
    iv: [u8; 12],
    header: Aes128,
}

impl Keys {
    /// The keys of a client whose first packet goes to connection id `id`.
    pub(super) fn of_client(version: Version, id: &[u8]) -> Self {
        let initial = Hkdf::<Sha256>::new(Some(&version.salt), id);
        let secret: [u8; 32] = expand(&initial, "client in");
        // Any 32 bytes are a key for HMAC-SHA-256.
        let secret = Hkdf::<Sha256>::from_prk(&secret).expect("as long as a hash");
        let of = |name: &str| format!("{} {name}", version.label);
        Self {
            packet: Aes128Gcm::new(&expand::<16>(&secret, &of("key")).into()),
            iv: expand(&secret, &of("iv")),
            header: Aes128::new(&expand::<16>(&secret, &of("hp")).into()),
        }
    }

    /// What hides the first byte and the packet number of a packet with this sample (RFC 9001 §5.4.3).
    pub(super) fn mask(&self, sample: [u8; 16]) -> [u8; 5] {
        let mut block = sample.into();
        self.header.encrypt_block(&mut block);
        [block[0], block[1], block[2], block[3], block[4]]
    }

    /// Decrypts `payload` in place; `None` where `tag` does not fit.
    pub(super) fn open(&self, number: u32, header: &[u8], payload: &mut [u8], tag: [u8; 16]) -> Option<()> {
        let nonce = self.nonce(number);
        self.packet.decrypt_inout_detached(&nonce.into(), header, payload.into(), &tag.into()).ok()
    }

    /// Encrypts `payload` in place and gives its tag.
    #[cfg(test)]
    pub(super) fn seal(&self, number: u32, header: &[u8], payload: &mut [u8]) -> [u8; 16] {
        let tag = self.packet.encrypt_inout_detached(&self.nonce(number).into(), header, payload.into());
        tag.unwrap().into()
    }

    /// The nonce of a packet (RFC 9001 §5.3).
    fn nonce(&self, number: u32) -> [u8; 12] {
        let mut nonce = self.iv;
        nonce[8..].iter_mut().zip(number.to_be_bytes()).for_each(|(byte, number)| *byte ^= number);
        nonce
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 §7.1).
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> [u8; N] {
    let mut info = Vec::with_capacity(32);
    info.extend_from_slice(&(N as u16).to_be_bytes());
    info.push(6 + label.len() as u8);
    info.extend_from_slice(b"tls13 ");
    info.extend_from_slice(label.as_bytes());
    info.push(0);
    let mut key = [0; N];
    secret.expand(&info, &mut key).expect("a key is shorter than 255 hashes");
    key
}

const SALT_1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f,
    0x0a,
];
const SALT_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e,
    0xd9,
];
const SALT_DRAFT_29: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8,
    0x99,
];
const SALT_DRAFT_23: [u8; 20] = [
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5,
    0x02,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The connection id of RFC 9001 Appendix A and RFC 9369 Appendix A.
    const ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

    #[test]
    fn keys_are_those_of_the_rfcs() {
        let secret = |number| {
            let version = Version::known(number).unwrap();
            expand::<32>(&Hkdf::<Sha256>::new(Some(&version.salt), &ID), "client in")
        };
        assert_eq!(secret(1)[..8], [0xc0, 0x0c, 0xf1, 0x51, 0xca, 0x5b, 0xe0, 0x75]);
        assert_eq!(secret(0x6b33_43cf)[..8], [0x14, 0xec, 0x9d, 0x6e, 0xb9, 0xfd, 0x7a, 0xf8]);
        let keys = |number| Keys::of_client(Version::known(number).unwrap(), &ID);
        assert_eq!(keys(1).iv, [0xfa, 0x04, 0x4b, 0x2f, 0x42, 0xa3, 0xfd, 0x3b, 0x46, 0xfb, 0x25, 0x5c]);
        let v2 = keys(0x6b33_43cf).iv;
        assert_eq!(v2, [0x91, 0xf7, 0x3e, 0x23, 0x51, 0xd8, 0xfa, 0x91, 0x66, 0x0e, 0x90, 0x9f]);
    }

    #[test]
    fn the_mask_is_that_of_the_rfc() {
        let keys = Keys::of_client(Version::known(1).unwrap(), &ID);
        let sample = 0xd1b1_c98d_d768_9fb8_ec11_d242_b123_dc9b_u128.to_be_bytes();
        assert_eq!(keys.mask(sample), [0x43, 0x7b, 0x9a, 0xec, 0x36]);
    }
}
