//! Type information (RFC 5610): options records that say what the user's own elements are called and hold.

use crate::export::ipfix::encode::{Kind, push_text};
use crate::export::ipfix::own::{OwnElement, SKIP_REASON};
use crate::export::ipfix::template::{TYPE_TEMPLATE, options_template};
use crate::flow::schema::ElementKind;

/// The options template of type information: the element is its scope.
pub(super) fn type_template() -> Vec<u8> {
    let fields = [
        (PRIVATE_ENTERPRISE_NUMBER, Some(4), 0),
        (ELEMENT_ID, Some(2), 0),
        (DATA_TYPE, Some(1), 0),
        (SEMANTICS, Some(1), 0),
        (UNITS, Some(2), 0),
        // Readers that use libfixbuf know this template by its having all of these.
        (RANGE_BEGIN, Some(8), 0),
        (RANGE_END, Some(8), 0),
        (NAME, None, 0),
        (DESCRIPTION, None, 0),
    ];
    options_template(TYPE_TEMPLATE, 2, &fields)
}

/// What is to be told of these elements; of a list, of its items first.
pub(super) fn type_records(enterprise: u32, elements: &[OwnElement], skip_reason: bool) -> Vec<Vec<u8>> {
    let record = |number: u16, data_type, semantics, units, name: &str, doc: &str| {
        let mut record = enterprise.to_be_bytes().to_vec();
        record.extend(number.to_be_bytes());
        record.extend([data_type, semantics, 0, units]);
        record.extend(0u64.to_be_bytes());
        record.extend(range_end(data_type).to_be_bytes());
        for text in [name, doc] {
            // A text of no bytes is one of a space: there are readers that refuse the former.
            if !push_text(&mut record, text, LONGEST_TEXT) {
                record.extend([1, b' ']);
            }
        }
        record
    };
    let mut records = Vec::new();
    if skip_reason {
        records.push(record(
            SKIP_REASON,
            data_type(ElementKind::Text),
            0,
            0,
            "skip_reason",
            "Why packets were ignored.",
        ));
    }
    for OwnElement { number, kind, name, doc, semantics, units, .. } in elements {
        match kind {
            Kind::One(kind) => records.push(record(*number, data_type(*kind), *semantics, *units, name, doc)),
            Kind::List { items, number: item } => {
                // A name of full length has no room for more.
                let name_of_item = format!("{}_item", shortened(name, LONGEST_TEXT - "_item".len()));
                records.push(record(*item, data_type(*items), 0, *units, &name_of_item, "An item of a list."));
                records.push(record(*number, BASIC_LIST, *semantics, *units, name, doc));
            }
        }
    }
    records
}

/// The beginning of a text, of at most so many bytes.
fn shortened(text: &str, longest: usize) -> &str {
    let end = (0..=longest.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

/// The number of a type in IANA's registry of IPFIX information element data types.
const fn data_type(kind: ElementKind) -> u8 {
    match kind {
        ElementKind::ApplicationId => 0,
        ElementKind::U8 => 1,
        ElementKind::U16 => 2,
        ElementKind::U32 => 3,
        ElementKind::U64 => 4,
        ElementKind::I64 => 8,
        ElementKind::F64 => 10,
        ElementKind::Bool => 11,
        ElementKind::Mac => 12,
        ElementKind::Text => 13,
        ElementKind::Milliseconds => 15,
        ElementKind::Nanoseconds => 17,
        ElementKind::Ipv4 => 18,
        ElementKind::Ipv6 => 19,
    }
}

/// The largest value of an unsigned type; 0, as if there were no range, of the others.
const fn range_end(data_type: u8) -> u64 {
    match data_type {
        1 => u8::MAX as u64,
        2 => u16::MAX as u64,
        3 => u32::MAX as u64,
        4 => u64::MAX,
        _ => 0,
    }
}

const BASIC_LIST: u8 = 20;
/// Longest name and longest description, in bytes: so a record fits into the smallest message.
const LONGEST_TEXT: usize = 200;

const ELEMENT_ID: u16 = 303;
const DATA_TYPE: u16 = 339;
const DESCRIPTION: u16 = 340;
const NAME: u16 = 341;
const RANGE_BEGIN: u16 = 342;
const RANGE_END: u16 = 343;
const SEMANTICS: u16 = 344;
const UNITS: u16 = 345;
const PRIVATE_ENTERPRISE_NUMBER: u16 = 346;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::ipfix::own::own_elements;
    use crate::flow::schema::{ColumnKind, Needs, Schema};

    #[test]
    fn an_element_is_told_with_its_type_and_its_name() {
        let schema = Schema::new(&[], ["mine".to_owned(), "x".repeat(300), String::new()].into());
        let kinds = [Some(ColumnKind::F64), Some(ColumnKind::ListBool), None];
        let elements = own_elements(&schema.with_metric_kinds(kinds).into()).unwrap();
        let records = type_records(32_473, &elements[elements.len() - 3..], true);
        let told = |nth: usize, head: &[u8; 10], texts: &[u8]| {
            let (range, rest) = records[nth][10..].split_at(16);
            assert_eq!((&records[nth][..10], range, &rest[..texts.len()]), (&head[..], &[0; 16][..], texts));
        };
        told(0, b"\0\0\x7e\xd9\x07\xff\x0d\0\0\0", b"\x0bskip_reason\x19Why packets were ignored.");
        told(1, b"\0\0\x7e\xd9\x10\0\x0a\0\0\0", b"\x04mine\x15A metric of this run.");
        told(
            2,
            b"\0\0\x7e\xd9\x20\x01\x0b\0\0\0",
            &[&b"\xc8"[..], &[b'x'; 195], b"_item\x12An item of a list."].concat(),
        );
        told(3, b"\0\0\x7e\xd9\x10\x01\x14\x06\0\0", &[&b"\xc8"[..], &[b'x'; 200]].concat());
        told(4, b"\0\0\x7e\xd9\x10\x02\x0d\0\0\0", b"\x01 \x15A metric");
        assert_eq!(records.len(), 5);
        let port = type_records(1, &own_elements(&Schema::new(&[], [].into()).into()).unwrap()[..1], false);
        assert_eq!(port[0][10..26], [[0; 8], [255; 8]].concat(), "flow_id has 64 bits");
    }

    #[test]
    fn all_that_is_told_fits_into_the_smallest_message() {
        let all = [Needs::Statistics, Needs::Splt, Needs::ApplicationFields, Needs::TcpAnalysis];
        let schema = Schema::new(&all, ["€".repeat(1000)].into()).with_metric_kinds([Some(ColumnKind::ListI64)]);
        let records = type_records(u32::MAX, &own_elements(&schema.into()).unwrap(), true);
        assert!(records.len() > 100 && records.iter().all(|record| record.len() < 480));
    }
}
