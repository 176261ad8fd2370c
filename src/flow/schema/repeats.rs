//! Which texts repeat from flow to flow, so that a column of them pays a dictionary.

use super::Column;

impl Column {
    /// Whether its texts are few, out of a set that no sender can extend without end: the name of an application, the
    /// maker of a network card. Tables hold such a column as a dictionary and numbers.
    pub fn repeats(&self) -> bool {
        REPEATING.contains(&self.name)
    }
}

const REPEATING: [&str; 9] = [
    "application_name",
    "category_name",
    "tunnel",
    "src_oui",
    "dst_oui",
    "incomplete",
    "application_confidence",
    "tls_version",
    "tcp_end_state",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::schema::{ColumnKind, column};

    #[test]
    fn what_repeats_is_a_column_of_text() {
        for name in REPEATING {
            assert_eq!(column(name).map(|column| column.kind), Some(ColumnKind::Text), "{name}");
        }
    }
}
