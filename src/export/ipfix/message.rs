//! One message in the making (RFC 7011 section 3): a header, then sets of records.

use crate::time::Timestamp;

/// A message of at most `max_bytes`, filled record by record; records of one set id that follow each other share a set.
#[derive(Debug)]
pub(super) struct Message {
    bytes: Vec<u8>,
    max_bytes: usize,
    observation_domain: u32,
    /// Data records of all messages before, modulo 2^32.
    sequence: u32,
    /// Data records of this message.
    data_records: u32,
    /// Id of the set that is open, and where it begins.
    open: Option<(u16, usize)>,
}

impl Message {
    pub(super) const HEADER: usize = 16;
    pub(super) const SET_HEADER: usize = 4;

    pub(super) fn new(max_bytes: u16, observation_domain: u32) -> Self {
        let max_bytes = usize::from(max_bytes);
        let mut bytes = Vec::with_capacity(max_bytes);
        bytes.resize(Self::HEADER, 0);
        Self { bytes, max_bytes, observation_domain, sequence: 0, data_records: 0, open: None }
    }

    /// The longest record that fits into a message of its own, in bytes.
    pub(super) fn longest_record(&self) -> usize {
        self.max_bytes - Self::HEADER - Self::SET_HEADER
    }

    pub(super) fn observation_domain(&self) -> u32 {
        self.observation_domain
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.len() == Self::HEADER
    }

    /// Appends a record to a set of this id; false, and nothing is done, when it does not fit.
    pub(super) fn add(&mut self, set: u16, record: &[u8]) -> bool {
        let opened = self.open.is_some_and(|(id, _)| id == set);
        let needed = record.len() + if opened { 0 } else { Self::SET_HEADER };
        if needed > self.max_bytes - self.bytes.len() {
            return false;
        }
        if !opened {
            self.close_set();
            self.open = Some((set, self.bytes.len()));
            self.bytes.extend(set.to_be_bytes());
            self.bytes.extend([0, 0]);
        }
        self.bytes.extend_from_slice(record);
        if set >= FIRST_DATA_SET {
            self.data_records += 1;
        }
        true
    }

    /// The whole message, exported at `clock`.
    pub(super) fn close(&mut self, clock: Timestamp) -> &[u8] {
        self.close_set();
        let seconds = clock.as_nanos().div_euclid(1_000_000_000).clamp(0, u32::MAX.into()) as u32;
        self.bytes[..2].copy_from_slice(&VERSION.to_be_bytes());
        let len = self.bytes.len() as u16;
        self.bytes[2..4].copy_from_slice(&len.to_be_bytes());
        self.bytes[4..8].copy_from_slice(&seconds.to_be_bytes());
        self.bytes[8..12].copy_from_slice(&self.sequence.to_be_bytes());
        self.bytes[12..16].copy_from_slice(&self.observation_domain.to_be_bytes());
        &self.bytes
    }

    /// Begins the next message.
    pub(super) fn next(&mut self) {
        self.sequence = self.sequence.wrapping_add(self.data_records);
        self.data_records = 0;
        self.open = None;
        self.bytes.truncate(Self::HEADER);
    }

    /// Writes its length into the set that is open. There is no padding: records need not be aligned.
    fn close_set(&mut self) {
        if let Some((_, at)) = self.open.take() {
            let len = (self.bytes.len() - at) as u16;
            self.bytes[at + 2..at + 4].copy_from_slice(&len.to_be_bytes());
        }
    }
}

const VERSION: u16 = 10;
/// Ids of sets from here on name the template of their data records; those below hold templates (RFC 7011 section 3.3.2).
const FIRST_DATA_SET: u16 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_one_template_share_a_set() {
        let mut message = Message::new(512, 7);
        assert!(message.is_empty());
        assert!(message.add(2, &[1, 2]) && message.add(256, &[3]) && message.add(256, &[4]) && message.add(257, &[5]));
        let clock = Timestamp::from_nanos(5_999_999_999);
        let expected = [
            &[0, 10, 0, 33, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 7][..],
            &[0, 2, 0, 6, 1, 2],
            &[1, 0, 0, 6, 3, 4],
            &[1, 1, 0, 5, 5],
        ];
        assert_eq!(message.close(clock), expected.concat());
    }

    #[test]
    fn the_sequence_counts_data_records_of_messages_before_and_wraps_around() {
        let mut message = Message::new(512, 0);
        message.sequence = u32::MAX;
        assert!(message.add(2, &[0]) && message.add(3, &[0]) && message.add(300, &[0]) && message.add(256, &[0]));
        assert_eq!(message.close(Timestamp::MIN)[8..12], [255; 4]);
        message.next();
        assert!(message.is_empty());
        assert_eq!(message.close(Timestamp::MAX)[4..12], [255, 255, 255, 255, 0, 0, 0, 1]);
    }

    #[test]
    fn nothing_goes_beyond_the_largest_message() {
        let mut message = Message::new(512, 0);
        let longest = vec![0; message.longest_record()];
        assert!(message.add(256, &longest));
        assert!(!message.add(256, &[0]));
        assert_eq!(message.close(Timestamp::MIN).len(), 512);
        message.next();
        assert!(!message.add(256, &vec![0; longest.len() + 1]) && message.is_empty());
        let mut largest = Message::new(u16::MAX, 0);
        assert!(largest.add(256, &vec![0; largest.longest_record()]));
        assert_eq!(largest.close(Timestamp::MIN)[2..4], [255, 255]);
    }
}
