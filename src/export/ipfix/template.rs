//! Templates: what a data record looks like (RFC 7011 section 3.4).
//!
//! IPFIX has no null: what a record does not have, its template does not have either. So each [`Shape`] of records gets a
//! template when the first record of it comes. Few shapes are common, but who sends the packets has a say in them: beyond
//! [`Templates::MOST`], or [`Templates::MOST_OWN`], a record takes the full template of its IP version, with zeros for null.

use std::collections::HashMap;

use crate::export::ipfix::field::{APPLICATION_ID, APPLICATION_NAME, Field};
use crate::export::ipfix::shape::Shape;

/// The templates that are known so far.
#[derive(Debug)]
pub(super) struct Templates {
    most: usize,
    ids: HashMap<Shape, u16>,
    /// In the order of their ids.
    records: Vec<Vec<u8>>,
}

impl Templates {
    /// Most templates by shape; those of full records come on top.
    pub(super) const MOST: usize = 128;
    /// The same where there are elements of the user's own, most of which may be null, and templates are said once.
    pub(super) const MOST_OWN: usize = 768;

    pub(super) fn new(most: usize) -> Self {
        Self { most, ids: HashMap::new(), records: Vec::new() }
    }

    /// The id of this shape's template, if it is known.
    pub(super) fn id(&self, shape: &Shape) -> Option<u16> {
        self.ids.get(shape).copied()
    }

    /// Whether another shape may have a template.
    pub(super) fn has_room(&self) -> bool {
        self.ids.len() < self.most
    }

    /// Makes the template of a shape; its id and its record.
    pub(super) fn make(&mut self, shape: Shape, fields: &[Field]) -> (u16, &[u8]) {
        let id = FIRST_DATA_TEMPLATE + self.records.len() as u16;
        self.records.push(template(id, &shape, fields));
        self.ids.insert(shape, id);
        (id, self.records.last().map_or(&[], Vec::as_slice))
    }

    /// All template records, in the order of their ids.
    pub(super) fn records(&self) -> impl Iterator<Item = &[u8]> {
        self.records.iter().map(Vec::as_slice)
    }
}

/// A template record.
pub(super) fn template(id: u16, shape: &Shape, fields: &[Field]) -> Vec<u8> {
    let fields = || fields.iter().enumerate().filter(|(nth, _)| shape.contains(*nth)).map(|(_, field)| field);
    let mut out = Vec::new();
    out.extend(id.to_be_bytes());
    out.extend((fields().count() as u16).to_be_bytes());
    for field in fields() {
        push_field(&mut out, field.number, field.kind.octets(), field.enterprise);
    }
    out
}

/// An options template (RFC 7011 section 3.4.2): its first `scopes` fields say what the others are about.
///
/// Of each field the number, the octets, which are `None` when each record tells them, and the enterprise number or 0.
pub(super) fn options_template(id: u16, scopes: u16, fields: &[(u16, Option<u16>, u32)]) -> Vec<u8> {
    let mut out = Vec::new();
    for number in [id, fields.len() as u16, scopes] {
        out.extend(number.to_be_bytes());
    }
    for (number, octets, enterprise) in fields {
        push_field(&mut out, *number, *octets, *enterprise);
    }
    out
}

/// The options template of the table of applications (RFC 6759 section 5): its scope is the application's id.
pub(super) fn application_template() -> Vec<u8> {
    let id = (APPLICATION_ID.number, APPLICATION_ID.kind.octets(), 0);
    options_template(APPLICATION_TEMPLATE, 1, &[id, (APPLICATION_NAME, None, 0), (APPLICATION_CATEGORY_NAME, None, 0)])
}

fn push_field(out: &mut Vec<u8>, number: u16, octets: Option<u16>, enterprise: u32) {
    let bit = if enterprise == 0 { 0 } else { ENTERPRISE_BIT };
    out.extend((number | bit).to_be_bytes());
    out.extend(octets.unwrap_or(VARIABLE).to_be_bytes());
    if enterprise != 0 {
        out.extend(enterprise.to_be_bytes());
    }
}

/// Id of sets of templates.
pub(super) const TEMPLATE_SET: u16 = 2;
/// Id of sets of options templates.
pub(super) const OPTIONS_TEMPLATE_SET: u16 = 3;
/// Id of the template of the table of applications, the first that is free for use.
pub(super) const APPLICATION_TEMPLATE: u16 = 256;
const FIRST_DATA_TEMPLATE: u16 = 257;
/// Ids of the other options templates: beyond those of data.
pub(super) const TYPE_TEMPLATE: u16 = 2000;
pub(super) const SENT_TEMPLATE: u16 = 2001;
pub(super) const IGNORED_TEMPLATE: u16 = 2002;
pub(super) const SKIPPED_TEMPLATE: u16 = 2003;
pub(super) const UNSENT_TEMPLATE: u16 = 2004;
/// Octets in a template of an element of the user's own.
pub(super) const OWN_FIELD: usize = 8;
/// Stands for a length that each record tells.
pub(super) const VARIABLE: u16 = 65_535;
/// The bit that says that an enterprise number follows.
pub(super) const ENTERPRISE_BIT: u16 = 1 << 15;
const APPLICATION_CATEGORY_NAME: u16 = 372;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::ipfix::field::{REVERSE, fields, full_shape};
    use crate::export::ipfix::message::Message;
    use crate::export::ipfix::options::IpfixOptions;
    use crate::export::ipfix::own::own_elements;
    use crate::flow::schema::{Needs, Schema, columns};

    fn all_fields(enterprise: Option<u32>, uniflow: bool) -> Vec<Field> {
        let all = [Needs::Statistics, Needs::Splt, Needs::ApplicationFields, Needs::TcpAnalysis];
        let columns = Schema::new(&all, [].into()).into();
        let own = own_elements(&columns).unwrap();
        fields(&columns, if enterprise.is_some() { &own } else { &[] }, enterprise.unwrap_or_default(), uniflow)
    }

    #[test]
    fn a_template_says_what_elements_a_record_has_and_whose_they_are() {
        let fields = all_fields(Some(32_473), false);
        let wanted = [(REVERSE, 2), (32_473, 1066), (0, 96)];
        let shape = wanted.map(|wanted| fields.iter().position(|f| (f.enterprise, f.number) == wanted).unwrap());
        let told = template(300, &shape.into_iter().collect(), &fields);
        let [reverse, text] = [&[0x80, 2, 0, 8, 0, 0, 0x72, 0x79][..], &[0, 96, 0xff, 0xff]];
        let own = &[0x84, 0x2a, 0xff, 0xff, 0, 0, 0x7e, 0xd9][..];
        assert_eq!(told, [&[1, 44, 0, 3], reverse, own, text].concat());
    }

    /// Of elements of the registry; what the user's own need is looked at when an exporter is made.
    #[test]
    fn a_record_without_texts_and_its_template_fit_into_the_smallest_message() {
        for (enterprise, most) in [(None, IpfixOptions::MIN_MESSAGE_BYTES), (Some(1), 1400)] {
            let room = usize::from(most) - Message::HEADER - Message::SET_HEADER;
            for (uniflow, ip_version) in [(false, 4), (false, 6), (true, 4), (true, 6)] {
                let fields = all_fields(enterprise, uniflow);
                let shape = full_shape(&fields, ip_version);
                assert!(template(300, &shape, &fields).len() <= room);
                let record = fields.iter().enumerate().filter(|(nth, _)| shape.contains(*nth));
                assert!(record.map(|(_, field)| field.kind.least_octets()).sum::<usize>() <= room);
            }
        }
    }

    #[test]
    fn every_element_of_the_table_has_a_field() {
        let fields = all_fields(Some(1), false);
        let mut elements = columns().flat_map(|column| column.ipfix);
        assert!(elements.all(|element| fields.iter().any(|field| field.number == element.number)));
        let mut own = columns().filter_map(|column| column.own_element);
        assert!(own.all(|number| fields.iter().any(|field| (field.enterprise, field.number) == (1, number))));
        assert!(fields.windows(2).all(|two| two[0].enterprise != 0 || two[1].enterprise == 0), "reverse comes first");
    }
}
