//! Hints to the processor and the kernel: memory that is wanted soon, or much of it at random. Nothing here changes a result.

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
    // What does not begin with a line may end in one more.
    if align_of::<T>() < 64 {
        line(start.wrapping_add(size_of::<T>() - 1));
    }
}

/// Asks for the cache line of the byte at `at`, which may lie beyond the end.
#[inline(always)]
pub(crate) fn prefetch_at(bytes: &[u8], at: usize) {
    line(bytes.as_ptr().wrapping_add(at).cast());
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

/// Asks the kernel for large pages for the memory of a vector that is read at random: the processor then knows where they
/// all are. Small ones, and those that the kernel has no large pages for, stay as they are.
pub(crate) fn huge<T>(vector: Vec<T>) -> Vec<T> {
    let start = (vector.as_ptr() as usize).next_multiple_of(HUGE);
    let end = (vector.as_ptr() as usize).saturating_add(vector.capacity() * size_of::<T>()) / HUGE * HUGE;
    if start < end {
        // SAFETY: `MADV_HUGEPAGE` changes no byte and no right of the pages; they all belong to this vector's allocation.
        let _ = unsafe {
            use rustix::mm::{Advice, madvise};
            madvise(std::ptr::with_exposed_provenance_mut(start), end - start, Advice::LinuxHugepage)
        };
    }
    vector
}

/// The size of a large page.
const HUGE: usize = 2 << 20;
