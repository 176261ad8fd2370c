//! The table that gives later fragments their ports.
