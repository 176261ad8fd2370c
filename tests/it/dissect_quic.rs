//! QUIC dissection.
