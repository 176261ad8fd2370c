//! Replacing addresses, as Python says how.

use std::net::IpAddr;

use flowgauge::flow;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error;
use crate::value;

/// A way to replace the addresses of flows by others, the same for the same key, so that runs can be joined.
///
/// No two addresses become one. Replaced are the two ends of a flow, the device's part of MAC addresses, texts read out of
/// payload that are an address, as answers of DNS, and the address in names such as 1.2.0.192.in-addr.arpa. What else texts
/// say, other names above all, stays. Metrics see the addresses of the packets.
#[pyclass(frozen, module = "flowgauge")]
#[derive(Clone)]
pub(crate) struct Anonymizer(flow::Anonymizer);

impl Anonymizer {
    pub(crate) fn library(&self) -> flow::Anonymizer {
        self.0.clone()
    }
}

#[pymethods]
impl Anonymizer {
    /// Crypto-PAn (Xu, Fan, Ammar, Moon 2002), which keeps prefixes: addresses that share so many leading bits share as many
    /// afterwards.
    ///
    /// Args:
    ///     key: 32 bytes, as other implementations take them.
    ///
    /// Raises:
    ///     ValueError: A key of another length.
    #[staticmethod]
    fn crypto_pan(key: &Bound<'_, PyBytes>) -> PyResult<Self> {
        flow::Anonymizer::crypto_pan(key.as_bytes()).map(Self).map_err(|error| error::raise(key.py(), error))
    }

    /// A permutation made of keyed BLAKE2b (RFC 7693); it keeps no prefixes.
    ///
    /// Args:
    ///     key: 16 to 64 bytes.
    ///
    /// Raises:
    ///     ValueError: A key of another length.
    #[staticmethod]
    fn blake2(key: &Bound<'_, PyBytes>) -> PyResult<Self> {
        flow::Anonymizer::blake2(key.as_bytes()).map(Self).map_err(|error| error::raise(key.py(), error))
    }

    /// What stands for this address.
    ///
    /// Raises:
    ///     ValueError: It is no IPv4 or IPv6 address.
    fn address<'py>(&self, address: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let text = address.str()?.to_string();
        let Ok(parsed) = text.parse::<IpAddr>() else {
            return Err(PyValueError::new_err(format!("address must be an IPv4 or IPv6 address, not {text:?}")));
        };
        Ok(value::address(address.py(), self.0.address(parsed)).into_any())
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }
}
