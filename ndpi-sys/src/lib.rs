//! nDPI.
