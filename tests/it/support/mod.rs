//! What several tests share.

pub(crate) mod capture_file;
pub(crate) mod captures;
pub(crate) mod frames;
pub(crate) mod oracle;
pub(crate) mod reading;
pub(crate) mod run;
pub(crate) mod scenario;
pub(crate) mod slow_meter;
