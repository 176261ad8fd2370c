//! The table of applications: which name and category an id has (RFC 6759 section 5), as options records.

use std::collections::HashSet;

use crate::export::ipfix::encode::{Kind, push_nothing, push_text};
use crate::export::ipfix::field::application_id;
use crate::flow::Application;
use crate::flow::schema::ElementKind;

/// The applications that were named so far.
#[derive(Debug, Default)]
pub(super) struct Applications {
    known: HashSet<[u8; 4]>,
    /// In the order they came.
    records: Vec<Vec<u8>>,
}

impl Applications {
    /// Most applications in the table: more than nDPI knows. What comes then is named in its flow records only.
    const MOST: usize = 4096;
    /// Longest name, in bytes: so an options record fits into the smallest message.
    const LONGEST_NAME: usize = 200;

    /// The options record of an application that comes for the first time.
    pub(super) fn meet(&mut self, application: &Application) -> Option<&[u8]> {
        let id = application_id(application);
        if self.known.contains(&id) || self.known.len() >= Self::MOST {
            return None;
        }
        self.known.insert(id);
        let mut record = id.to_vec();
        for text in [name(application), application.category.as_str()] {
            if !push_text(&mut record, text, Self::LONGEST_NAME) {
                push_nothing(&mut record, Kind::One(ElementKind::Text), 0);
            }
        }
        self.records.push(record);
        self.records.last().map(Vec::as_slice)
    }

    /// All options records.
    pub(super) fn records(&self) -> impl Iterator<Item = &[u8]> {
        self.records.iter().map(Vec::as_slice)
    }
}

/// The name of the application alone: `Instagram` of `TLS.Instagram`.
fn name(application: &Application) -> &str {
    let Application { master_protocol, app_protocol, .. } = *application;
    let both = master_protocol != 0 && app_protocol != 0 && master_protocol != app_protocol;
    let carried = application.name.split_once('.').filter(|_| both);
    carried.map_or(application.name.as_str(), |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Confidence;

    fn application(name: &str, master_protocol: u16, app_protocol: u16) -> Application {
        let category = "Web".to_owned();
        Application { name: name.to_owned(), category, master_protocol, app_protocol, confidence: Confidence::Dpi }
    }

    #[test]
    fn an_id_has_one_name_whatever_carries_it() {
        let mut applications = Applications::default();
        let told = applications.meet(&application("TLS.Instagram", 91, 211)).unwrap();
        assert_eq!(told, b"\x16\0\0\xd3\x09Instagram\x03Web");
        assert_eq!(applications.meet(&application("QUIC.Instagram", 188, 211)), None);
        assert_eq!(applications.meet(&application("TLS", 91, 0)).unwrap(), b"\x16\0\0\x5b\x03TLS\x03Web");
        assert_eq!(applications.meet(&application("TLS", 0, 91)), None);
        assert_eq!(applications.meet(&application("a.b", 0, 300)).unwrap(), b"\x16\0\x01\x2c\x03a.b\x03Web");
        assert_eq!(applications.records().count(), 3);
    }

    #[test]
    fn the_table_ends_somewhere_and_so_do_its_names() {
        let mut applications = Applications::default();
        let records = (0..=u16::MAX).filter(|id| applications.meet(&application(&"x".repeat(9000), 0, *id)).is_some());
        assert_eq!(records.count(), Applications::MOST);
        assert!(applications.records().all(|record| record.len() < 256));
    }
}
