//! What several tests share.

pub(crate) mod captures;
pub(crate) mod frames;
pub(crate) mod scenario;
