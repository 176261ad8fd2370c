//! Bytes that a flow carries -> what they say: names, versions, fingerprints.
//!
//! Each file reads one protocol out of a slice and knows neither flows nor packets. Input is whatever strangers sent:
//! nothing here panics, and what comes out is bounded by [`Facts::MAX_TEXT`](crate::flow::Facts::MAX_TEXT) and
//! [`Facts::MAX_ITEMS`](crate::flow::Facts::MAX_ITEMS), whatever counts and lengths the input claims.

pub mod dns;
pub mod http;
