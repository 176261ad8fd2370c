//! Templates: what a data record looks like (RFC 7011 section 3.4).
//!
//! IPFIX has no null: what a record does not have, its template does not have either. So each [`Shape`] of records gets a
//! template when the first record of it comes. Few shapes are common, but who sends the packets has a say in them: beyond
//! [`Templates::MOST`] a record takes the full template of its IP version, with zeros for null.

use std::collections::HashMap;

use crate::export::ipfix::field::{APPLICATION_ID, APPLICATION_NAME, Field, Shape};
use crate::flow::schema::Element;

/// The templates that are known so far.
#[derive(Debug, Default)]
pub(super) struct Templates {
    ids: HashMap<Shape, u16>,
    /// In the order of their ids.
    records: Vec<Vec<u8>>,
}

impl Templates {
    /// Most templates by shape; those of full records come on top.
    pub(super) const MOST: usize = 128;

    /// The id of this shape's template, if it is known.
    pub(super) fn id(&self, shape: Shape) -> Option<u16> {
        self.ids.get(&shape).copied()
    }

    /// Whether another shape may have a template.
    pub(super) fn has_room(&self) -> bool {
        self.ids.len() < Self::MOST
    }

    /// Makes the template of a shape; its id and its record.
    pub(super) fn make(&mut self, shape: Shape, fields: &[Field]) -> (u16, &[u8]) {
        let id = FIRST_DATA_TEMPLATE + self.records.len() as u16;
        self.ids.insert(shape, id);
        self.records.push(template(id, shape, fields));
        (id, self.records.last().map_or(&[], Vec::as_slice))
    }

    /// All template records, in the order of their ids.
    pub(super) fn records(&self) -> impl Iterator<Item = &[u8]> {
        self.records.iter().map(Vec::as_slice)
    }
}

/// A template record.
pub(super) fn template(id: u16, shape: Shape, fields: &[Field]) -> Vec<u8> {
    let fields = || fields.iter().enumerate().filter(|(nth, _)| shape >> nth & 1 == 1).map(|(_, field)| field);
    let mut out = Vec::new();
    out.extend(id.to_be_bytes());
    out.extend((fields().count() as u16).to_be_bytes());
    for field in fields() {
        push_field(&mut out, field.element.number, length(&field.element), field.reverse);
    }
    out
}

/// The options template of the table of applications (RFC 6759 section 5): its scope is the application's id.
pub(super) fn application_template() -> Vec<u8> {
    let mut out = Vec::new();
    for number in [APPLICATION_TEMPLATE, 3, 1] {
        out.extend(number.to_be_bytes());
    }
    push_field(&mut out, APPLICATION_ID.number, length(&APPLICATION_ID), false);
    push_field(&mut out, APPLICATION_NAME, VARIABLE, false);
    push_field(&mut out, APPLICATION_CATEGORY_NAME, VARIABLE, false);
    out
}

fn push_field(out: &mut Vec<u8>, number: u16, length: u16, reverse: bool) {
    out.extend((number | if reverse { ENTERPRISE } else { 0 }).to_be_bytes());
    out.extend(length.to_be_bytes());
    if reverse {
        out.extend(REVERSE.to_be_bytes());
    }
}

fn length(element: &Element) -> u16 {
    element.kind.octets().unwrap_or(VARIABLE)
}

/// Id of sets of templates.
pub(super) const TEMPLATE_SET: u16 = 2;
/// Id of sets of options templates.
pub(super) const OPTIONS_TEMPLATE_SET: u16 = 3;
/// Id of the template of the table of applications, the first that is free for use.
pub(super) const APPLICATION_TEMPLATE: u16 = 256;
const FIRST_DATA_TEMPLATE: u16 = 257;
/// Stands for a length that each record tells.
const VARIABLE: u16 = 65_535;
/// The bit that says that an enterprise number follows.
const ENTERPRISE: u16 = 1 << 15;
/// The enterprise number of reverse elements (RFC 5103 section 6.1).
const REVERSE: u32 = 29_305;
const APPLICATION_CATEGORY_NAME: u16 = 372;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::ipfix::field::{fields, full_shape};
    use crate::export::ipfix::message::Message;
    use crate::export::ipfix::options::IpfixOptions;
    use crate::flow::schema::{Needs, Schema, columns};

    fn all_fields(uniflow: bool) -> Vec<Field> {
        let all = [Needs::Statistics, Needs::Splt, Needs::ApplicationFields, Needs::TcpAnalysis];
        fields(&Schema::new(&all, [].into()), uniflow)
    }

    #[test]
    fn a_template_says_what_elements_a_record_has_and_which_are_reverse() {
        let fields = all_fields(false);
        let [reverse, text] = [(true, 2), (false, 96)].map(|wanted| {
            let found = fields.iter().position(|field| (field.reverse, field.element.number) == wanted);
            found.unwrap()
        });
        let told = template(300, 1 << reverse | 1 << text, &fields);
        assert_eq!(told, [1, 44, 0, 2, 0x80, 2, 0, 8, 0, 0, 0x72, 0x79, 0, 96, 0xff, 0xff]);
    }

    #[test]
    fn a_record_without_texts_and_its_template_fit_into_the_smallest_message() {
        let room = usize::from(IpfixOptions::MIN_MESSAGE_BYTES) - Message::HEADER - Message::SET_HEADER;
        for (uniflow, ip_version) in [(false, 4), (false, 6), (true, 4), (true, 6)] {
            let fields = all_fields(uniflow);
            let shape = full_shape(&fields, ip_version);
            assert!(template(300, shape, &fields).len() <= room);
            let octets = |field: &Field| field.element.kind.octets().map_or(2, usize::from);
            let record = fields.iter().enumerate().filter(|(nth, _)| shape >> nth & 1 == 1);
            assert!(record.map(|(_, field)| octets(field)).sum::<usize>() <= room);
        }
    }

    #[test]
    fn every_element_of_the_table_has_a_field() {
        let fields = all_fields(false);
        assert!(fields.len() < Shape::BITS as usize);
        let mut elements = columns().flat_map(|column| column.ipfix);
        assert!(elements.all(|element| fields.iter().any(|field| field.element.number == element.number)));
        assert!(fields.windows(2).all(|two| two[0].reverse >= two[1].reverse), "reverse elements come first");
    }
}
