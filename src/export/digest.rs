//! What many records come to in one number, whatever their order, and what a file's bytes come to.
//!
//! A record's row is the bytes of its cells, one behind the other; its hash is their SHA-256 (FIPS 180-4), read as a number
//! of 256 bits, the first byte the highest. The digest is the sum of the rows' numbers modulo 2^256: the same for any order,
//! and of any number of parts that are added up, and another one as soon as one cell differs or a row comes twice.
//!
//! | a cell that is | has these bytes |
//! | --- | --- |
//! | null | `00` |
//! | true or false | `01`, and `01` or `00` |
//! | a whole number from 0 on | `02`, the number |
//! | a whole number below 0 | `03`, how far it is below -1 |
//! | a floating-point number | `04`, its bits (IEEE 754, binary64) in 8 bytes |
//! | a text | `05`, how many bytes it has, its bytes (UTF-8) |
//! | bytes | `06`, how many, the bytes |
//! | an IPv4 address | `07`, its 4 bytes as on the wire |
//! | an IPv6 address | `08`, its 16 bytes as on the wire |
//! | a moment | `09`, nanoseconds since 1970 (two's complement) in 8 bytes |
//! | a span of time | `0a`, its nanoseconds |
//! | a list | `0b`, how many, then each likewise |
//!
//! What has 8 bytes has the lowest first. Every other number is unsigned LEB128: seven bits a byte, the lowest first, and
//! the highest bit of each byte but the last set. Short rows are hashed in a third of the time. What a metric yields is written as what it is; an object of a language's
//! own is null, as in text. The digest tells of change, not of forgery: whoever may choose many records can find others with
//! the same sum.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::export::Columns;
use crate::flow::schema::{self, Cell};
use crate::flow::{FlowRecord, Value};

/// The sum of the rows' hashes modulo 2^256, and how many rows there are. `Display` writes the sum as 64 hexadecimal
/// digits; without a record it is 0.
#[derive(Clone, Debug, Default)]
pub struct RecordDigest {
    /// The lowest part first.
    sum: [u64; 4],
    records: u64,
    /// The row at hand.
    row: Vec<u8>,
}

impl RecordDigest {
    /// That of no records.
    pub fn new() -> Self {
        Self::default()
    }

    /// What `Display` wrote of so many records; `None` for a text that it does not write.
    pub fn of_text(text: &str, records: u64) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let mut sum = [0; 4];
        for (limb, digits) in sum.iter_mut().rev().zip(text.as_bytes().chunks_exact(16)) {
            *limb = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self { sum, records, row: Vec::new() })
    }

    /// Adds a record by its cells, such as those of [`Columns::cells`].
    pub fn add<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) {
        self.row.clear();
        cells.into_iter().for_each(|cell| push_cell(&mut self.row, &cell));
        self.add_row();
    }

    /// Adds a record by these columns of it: the same as [`RecordDigest::add`] of their cells, and faster.
    pub fn add_record(&mut self, columns: &Columns, record: &FlowRecord) {
        self.row.clear();
        columns.look(record, |_, cell| push_cell(&mut self.row, cell));
        self.add_row();
    }

    /// Adds the records of another part.
    pub fn merge(&mut self, other: &Self) {
        self.sum = sum(self.sum, other.sum);
        self.records = self.records.wrapping_add(other.records);
    }

    /// How many records were added.
    pub fn records(&self) -> u64 {
        self.records
    }

    fn add_row(&mut self) {
        let hash = Sha256::digest(&self.row);
        let mut number = [0; 4];
        for (limb, bytes) in number.iter_mut().zip(hash.rchunks_exact(8)) {
            *limb = bytes.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
        }
        self.sum = sum(self.sum, number);
        self.records = self.records.wrapping_add(1);
    }
}

impl PartialEq for RecordDigest {
    fn eq(&self, other: &Self) -> bool {
        (self.sum, self.records) == (other.sum, other.records)
    }
}

impl Eq for RecordDigest {}

impl fmt::Display for RecordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sum.iter().rev().try_for_each(|limb| write!(f, "{limb:016x}"))
    }
}

/// How long a file is, and the SHA-256 of its bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileDigest {
    /// Its bytes.
    pub bytes: u64,
    /// 64 hexadecimal digits.
    pub sha256: String,
}

impl FileDigest {
    /// Reads a file to its end; `None` when `wanted` says on the way, about every megabyte, that it is not wanted any more.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn of_file(path: &Path, wanted: &dyn Fn() -> bool) -> io::Result<Option<Self>> {
        let mut file = File::open(path)?;
        let (mut hash, mut bytes) = (Sha256::new(), 0u64);
        let mut block = vec![0; BLOCK_BYTES];
        while wanted() {
            match file.read(&mut block) {
                Ok(0) => return Ok(Some(Self { bytes, sha256: hex(&hash.finalize()) })),
                Ok(count) => {
                    bytes = bytes.saturating_add(count as u64);
                    hash.update(&block[..count]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// The version of the table of columns: the SHA-256 of a line for each, with its name, type, unit, the option that it needs
/// and `nullable` where it may be null, a tab between them. What a column is said to mean may be put better without change.
pub fn schema_digest() -> String {
    let mut lines = String::new();
    for column in schema::columns() {
        let (kind, option) = (column.kind.name(), column.needs.map_or("", |needs| needs.option()));
        let nullable = if column.nullable { "nullable" } else { "" };
        writeln!(lines, "{}\t{kind}\t{}\t{option}\t{nullable}", column.name, column.unit)
            .expect("a string takes everything");
    }
    hex(&Sha256::digest(lines.as_bytes()))
}

/// Both numbers together, modulo 2^256.
fn sum(mut left: [u64; 4], right: [u64; 4]) -> [u64; 4] {
    let mut carry = false;
    for (left, right) in left.iter_mut().zip(right) {
        let (low, over) = left.overflowing_add(right);
        let (low, again) = low.overflowing_add(u64::from(carry));
        (*left, carry) = (low, over || again);
    }
    left
}

fn push_cell(row: &mut Vec<u8>, cell: &Cell<'_>) {
    match cell {
        Cell::Null => row.push(NULL),
        Cell::Bool(truth) => row.extend([BOOL, u8::from(*truth)]),
        Cell::Uint(number) => push_number(row, UINT, *number),
        Cell::Int(number) => push_int(row, *number),
        Cell::Float(number) => push_fixed(row, FLOAT, number.to_bits()),
        Cell::Text(text) => push_bytes(row, TEXT, text.as_bytes()),
        Cell::Ip(IpAddr::V4(address)) => {
            row.push(IPV4);
            row.extend(address.octets());
        }
        Cell::Ip(IpAddr::V6(address)) => {
            row.push(IPV6);
            row.extend(address.octets());
        }
        Cell::Time(stamp) => push_fixed(row, TIME, stamp.as_nanos().cast_unsigned()),
        Cell::Duration(nanos) => push_number(row, DURATION, *nanos),
        Cell::List(numbers) => {
            push_number(row, LIST, numbers.len() as u64);
            numbers.iter().for_each(|number| push_int(row, *number));
        }
        Cell::Texts(texts) => {
            push_number(row, LIST, texts.len() as u64);
            texts.iter().for_each(|text| push_bytes(row, TEXT, text.as_bytes()));
        }
        Cell::Metric(value) => push_value(row, value),
    }
}

fn push_value(row: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null | Value::Opaque(_) => row.push(NULL),
        Value::Bool(truth) => row.extend([BOOL, u8::from(*truth)]),
        Value::Int(number) => push_int(row, *number),
        Value::Float(number) => push_fixed(row, FLOAT, number.to_bits()),
        Value::Text(text) => push_bytes(row, TEXT, text.as_bytes()),
        Value::Bytes(bytes) => push_bytes(row, BYTES, bytes),
        Value::List(values) => {
            push_number(row, LIST, values.len() as u64);
            values.iter().for_each(|value| push_value(row, value));
        }
    }
}

/// A number is the same whether its column could have been negative or not.
fn push_int(row: &mut Vec<u8>, number: i64) {
    // Of a number below 0, all bits turned are its distance from -1.
    if number < 0 {
        push_number(row, NEGATIVE, (!number).cast_unsigned());
    } else {
        push_number(row, UINT, number.cast_unsigned());
    }
}

fn push_fixed(row: &mut Vec<u8>, kind: u8, bits: u64) {
    row.push(kind);
    row.extend(bits.to_le_bytes());
}

fn push_number(row: &mut Vec<u8>, kind: u8, mut number: u64) {
    row.push(kind);
    while let high @ 1.. = number >> 7 {
        row.push(number as u8 | 0x80);
        number = high;
    }
    row.push(number as u8);
}

fn push_bytes(row: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    push_number(row, kind, bytes.len() as u64);
    row.extend(bytes);
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    bytes.iter().for_each(|byte| write!(text, "{byte:02x}").expect("a string takes everything"));
    text
}

const NULL: u8 = 0;
const BOOL: u8 = 1;
const UINT: u8 = 2;
const NEGATIVE: u8 = 3;
const FLOAT: u8 = 4;
const TEXT: u8 = 5;
const BYTES: u8 = 6;
const IPV4: u8 = 7;
const IPV6: u8 = 8;
const TIME: u8 = 9;
const DURATION: u8 = 10;
const LIST: u8 = 11;

const BLOCK_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[Cell<'_>]) -> String {
        let mut row = Vec::new();
        cells.iter().for_each(|cell| push_cell(&mut row, cell));
        hex(&row)
    }

    #[test]
    fn cells_have_the_bytes_that_the_documentation_says() {
        let list = Value::List(vec![Value::Int(-1), Value::Null, "é".into()]);
        let bytes = Value::Bytes(vec![0xff]);
        for (cell, bytes) in [
            (Cell::Null, "00"),
            (Cell::Bool(true), "0101"),
            (Cell::Uint(u64::MAX), "02ffffffffffffffffff01"),
            (Cell::Int(258), "028202"),
            (Cell::Metric(&Value::Int(258)), "028202"),
            (Cell::Uint(127), "027f"),
            (Cell::Uint(128), "028001"),
            (Cell::Int(-1), "0300"),
            (Cell::Int(i64::MIN), "03ffffffffffffffff7f"),
            (Cell::Float(1.5), "04000000000000f83f"),
            (Cell::Text("".into()), "0500"),
            (Cell::Metric(&bytes), "0601ff"),
            (Cell::Ip([10, 0, 0, 1].into()), "070a000001"),
            (Cell::Ip([0x20, 1, 0, 0, 0, 0, 0, 0].into()), "0800200001000000000000000000000000"),
            (Cell::Time(crate::time::Timestamp::from_nanos(-2)), "09feffffffffffffff"),
            (Cell::Duration(3), "0a03"),
            (Cell::List(vec![7, -7]), "0b02 0207 0306"),
            (Cell::Texts(vec!["a"]), "0b01 050161"),
            (Cell::Metric(&list), "0b03 0300 00 0502c3a9"),
        ] {
            assert_eq!(row(std::slice::from_ref(&cell)), bytes.replace(' ', ""), "{cell:?}");
        }
    }

    #[test]
    fn the_sum_carries_and_wraps() {
        let all = [u64::MAX; 4];
        assert_eq!(sum(all, [1, 0, 0, 0]), [0; 4]);
        assert_eq!(sum([u64::MAX, 0, 7, 0], [2, u64::MAX, 0, 0]), [1, 0, 8, 0]);
        assert_eq!(sum(all, all), [u64::MAX - 1, u64::MAX, u64::MAX, u64::MAX]);
    }

    #[test]
    fn the_digest_of_known_rows_is_known() {
        let mut digest = RecordDigest::new();
        assert_eq!(digest.to_string(), "0".repeat(64));
        // printf '\0' | sha256sum
        digest.add([Cell::Null]);
        assert_eq!(digest.to_string(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        digest.add([Cell::Null]);
        assert_eq!(digest.to_string(), "dc681739ff66f531394a89cd76f01458f1203a7f666e70ed0a23460c2f5f403a");
        assert_eq!(digest.records(), 2);
        assert_eq!(RecordDigest::of_text(&digest.to_string(), 2), Some(digest));
        for text in [String::new(), "0".repeat(63), "0".repeat(65), "+".repeat(64), "0".repeat(62) + "é"] {
            assert_eq!(RecordDigest::of_text(&text, 0), None, "{text}");
        }
    }
}
