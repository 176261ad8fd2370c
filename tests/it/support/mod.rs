//! What several tests share.

pub mod scenario;
