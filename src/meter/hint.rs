//! Hints to the processor: memory that is wanted soon. Nothing here changes a result.

#![allow(unsafe_code)]

/// Asks for the cache line that `place` begins in.
#[inline(always)]
pub(crate) fn prefetch<T>(place: &T) {
    line(std::ptr::from_ref(place).cast());
}

/// Asks for every cache line of `place`.
#[inline(always)]
pub(crate) fn prefetch_all<T>(place: &T) {
    let start: *const i8 = std::ptr::from_ref(place).cast();
    (0..size_of::<T>()).step_by(64).for_each(|offset| line(start.wrapping_add(offset)));
}

#[inline(always)]
fn line(address: *const i8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program sees and never faults, whatever the address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
