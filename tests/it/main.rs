//! The API tests: one binary, one module for each room.

mod classify;
