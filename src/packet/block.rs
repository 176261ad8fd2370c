//! Captured bytes that several hands share.

use std::ops::Range;
use std::sync::Arc;

/// Captured bytes of many frames, shared by whoever still looks at one of them.
#[derive(Debug, Default)]
pub struct Block {
    pub(crate) bytes: Vec<u8>,
}

impl Block {
    /// A block of these bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Some bytes of a [`Block`], kept alive with it.
#[derive(Clone, Debug)]
pub struct SharedBytes {
    block: Arc<Block>,
    range: Range<usize>,
}

impl SharedBytes {
    /// The bytes of `block` in `range`; none where the range lies outside.
    pub fn new(block: Arc<Block>, range: Range<usize>) -> Self {
        Self { block, range }
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.block.bytes.get(self.range.clone()).unwrap_or_default()
    }
}
