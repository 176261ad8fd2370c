//! The table of columns.
