//! The global allocator: the system's, until the heap instrument asks for dhat's. One executable
//! serves every instrument, and a run that is timed pays one relaxed load for each call.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

/// Forwards to the system allocator, or to dhat's once [`count_allocations`] has been called.
pub struct Switch;

static COUNTING: AtomicBool = AtomicBool::new(false);

/// From now on every allocation passes through dhat, for the rest of the process.
pub fn count_allocations() {
    COUNTING.store(true, Ordering::Relaxed);
}

static EXHAUSTED: AtomicBool = AtomicBool::new(false);

/// Whether an allocation has failed in this process: then an abort means "out of memory".
pub fn exhausted() -> bool {
    EXHAUSTED.load(Ordering::Relaxed)
}

#[inline]
fn noted(block: *mut u8) -> *mut u8 {
    if block.is_null() {
        EXHAUSTED.store(true, Ordering::Relaxed);
    }
    block
}

// SAFETY: both allocators take their memory from `System`, and dhat hands blocks that it has never
// seen on to `System`, so that a block may be freed or grown after the switch.
unsafe impl GlobalAlloc for Switch {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on unchanged.
        unsafe {
            if COUNTING.load(Ordering::Relaxed) {
                dhat::Alloc.alloc(layout)
            } else {
                noted(System.alloc(layout))
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on unchanged.
        unsafe {
            if COUNTING.load(Ordering::Relaxed) {
                dhat::Alloc.dealloc(block, layout);
            } else {
                System.dealloc(block, layout);
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on unchanged.
        unsafe {
            if COUNTING.load(Ordering::Relaxed) {
                // dhat has no zeroed allocation of its own: the default, which fills the block.
                let block = dhat::Alloc.alloc(layout);
                if !block.is_null() {
                    block.write_bytes(0, layout.size());
                }
                block
            } else {
                noted(System.alloc_zeroed(layout))
            }
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promises are passed on unchanged.
        unsafe {
            if COUNTING.load(Ordering::Relaxed) {
                dhat::Alloc.realloc(block, layout, size)
            } else {
                noted(System.realloc(block, layout, size))
            }
        }
    }
}
