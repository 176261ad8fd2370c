//! What several tests build their stories from.

pub(crate) mod capture_file;
pub(crate) mod reading;
