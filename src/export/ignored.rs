//! What a meter left out, for formats that tell it beside the records.

/// What was observed and is in no record, as a ledger counts it. Frames that a filter left out are not among it: nobody wanted them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ignored {
    /// Packets that could not be metered.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Packets lost before they were read: by the kernel, the interface or its driver.
    pub dropped: u64,
    /// Of the packets that could not be metered, how many for each reason that occurred.
    pub reasons: Vec<(&'static str, u64)>,
}
