//! What several tests share.

pub mod scenario;
pub(crate) mod captures;
pub(crate) mod frames;
