//! One line of JSON for a record.
