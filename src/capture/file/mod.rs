//! Capture files and streams.
