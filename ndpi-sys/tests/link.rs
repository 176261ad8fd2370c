//! The shim links, opens a module, classifies one HTTP request and closes again.

use std::ffi::{CStr, c_char};
use std::ptr;

use ndpi_sys::*;

#[test]
fn the_library_in_use_is_one_the_shim_is_written_for() {
    // SAFETY: takes nothing, returns a terminated string of static lifetime.
    let version = unsafe { CStr::from_ptr(fg_ndpi_version()) }.to_str().unwrap();
    let major: u32 = version.split('.').next().unwrap().parse().unwrap();
    assert!((4..6).contains(&major), "{version}");
}

#[test]
fn one_http_request_is_http() {
    let request = http_request();
    let mut error = ptr::null();
    let mut verdict = fg_ndpi_verdict { master_protocol: 0, app_protocol: 0, category: 0, confidence: 0, undecided: 0 };
    let mut name = [0 as c_char; 64];
    // SAFETY: module and flow are used by this thread alone and freed once, at the end; `request` outlives the call that
    // reads it; `name` is as long as said; the only other test of this process opens no module.
    unsafe {
        let module = fg_ndpi_module_new(0, &mut error);
        assert!(!module.is_null() && error.is_null());
        let flow = fg_ndpi_flow_new();
        assert!(!flow.is_null());
        let given =
            fg_ndpi_inspect(module, flow, request.as_ptr(), request.len() as u16, 1_555_969_081_636, &mut verdict);
        assert_eq!(given, 1);
        fg_ndpi_name(module, &verdict, name.as_mut_ptr(), name.len() as u32);
        assert_eq!(CStr::from_ptr(name.as_ptr()).to_str().unwrap(), "HTTP");
        assert_eq!(CStr::from_ptr(fg_ndpi_category(module, &verdict)).to_str().unwrap(), "Web");
        assert_eq!(fg_ndpi_confidence(&verdict), FG_NDPI_CONFIDENCE_DPI as i32);
        // The response may still tell more.
        assert_eq!(verdict.undecided, 1);
        fg_ndpi_flow_free(flow);
        fg_ndpi_module_free(module);
    }
}

/// IPv4 and TCP (no checksums: nDPI reads none) around a request.
fn http_request() -> Vec<u8> {
    let payload = b"GET / HTTP/1.1\r\nHost: flowgauge.test\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";
    let total = u16::try_from(40 + payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x45, 0, total[0], total[1], 0, 1, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
    packet.extend([0xc0, 0x00, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    packet.extend(payload);
    packet
}
