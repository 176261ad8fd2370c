//! Bindings to the few calls of nDPI that flowgauge uses, through a C shim (`shim.h`) that is the same for nDPI 4.2 to 5.x.
//!
//! nDPI is linked dynamically. The rules of every call, beside what `shim.h` says of it:
//!
//! - pointers to a module or a flow come from `fg_ndpi_module_new` and `fg_ndpi_flow_new` and were not freed since;
//! - a module, and a flow, is used by one thread at a time; both may move between threads;
//! - `fg_ndpi_module_new` and `fg_ndpi_module_free` run one at a time in the whole process;
//! - nDPI is C that reads what strangers sent: it is given exact lengths, and is as memory-safe as its authors made it.
#![no_std]
#![allow(missing_docs, non_camel_case_types, non_upper_case_globals)]
#![allow(clippy::all, unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
