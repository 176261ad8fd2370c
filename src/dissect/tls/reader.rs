//! A place in a piece of bytes: the one way in which handshakes are read.

/// Reads from the front; `None` where the bytes end before.
#[derive(Clone, Copy, Debug)]
pub(in crate::dissect) struct Reader<'a>(pub(in crate::dissect) &'a [u8]);

impl<'a> Reader<'a> {
    pub(in crate::dissect) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of `N` bytes, of which there are at most four, in network order.
    pub(in crate::dissect) fn number<const N: usize>(&mut self) -> Option<u32> {
        const { assert!(N <= 4) };
        Some(self.take(N)?.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    pub(in crate::dissect) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(in crate::dissect) fn u16(&mut self) -> Option<u16> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*bytes))
    }

    /// Bytes with their length before them, in `N` bytes.
    pub(in crate::dissect) fn vector<const N: usize>(&mut self) -> Option<&'a [u8]> {
        let len = self.number::<N>()? as usize;
        self.take(len)
    }

    /// A variable-length integer (RFC 9000 §16).
    pub(in crate::dissect) fn varint(&mut self) -> Option<u64> {
        let first = self.u8()?;
        let rest = self.take((1 << (first >> 6)) - 1)?;
        Some(rest.iter().fold(u64::from(first & 0x3f), |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(in crate::dissect) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The 16-bit numbers in `bytes`; a last odd byte is none.
pub(in crate::dissect) fn numbers(bytes: &[u8]) -> impl Iterator<Item = u16> + Clone + '_ {
    bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_length_integers_are_those_of_the_rfc() {
        // RFC 9000 §A.1.
        let mut eight = Reader(&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c]);
        assert_eq!(eight.varint(), Some(151_288_809_941_952_652));
        assert_eq!(Reader(&[0x9d, 0x7f, 0x3e, 0x7d]).varint(), Some(494_878_333));
        assert_eq!(Reader(&[0x7b, 0xbd]).varint(), Some(15_293));
        assert_eq!(Reader(&[0x25]).varint(), Some(37));
        assert_eq!(Reader(&[0x7b]).varint(), None);
    }

    #[test]
    fn a_vector_whose_length_lies_is_none() {
        assert_eq!(Reader(&[0, 2, 7, 8]).vector::<2>(), Some(&[7, 8][..]));
        assert_eq!(Reader(&[0, 3, 7, 8]).vector::<2>(), None);
        assert_eq!(Reader(&[0xff; 3]).vector::<3>(), None);
    }
}
