//! The system's randomness, or, for instruments that count, the same bytes on every run: hash tables of
//! the standard library draw their seeds here, and a count that depends on them never repeats.

use std::sync::atomic::{AtomicU64, Ordering};

/// 0 while the system's randomness is wanted, else the state of the generator.
static FIXED: AtomicU64 = AtomicU64::new(0);

/// From now on every process that gets this far sees the same "random" bytes.
pub(crate) fn fix() {
    FIXED.store(1, Ordering::Relaxed);
}

/// Takes the place of the C library's function of this name, for the whole executable.
///
/// # Safety
/// `buffer` must be valid for writing `length` bytes, as for the C library's function.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(
    buffer: *mut libc::c_void,
    length: libc::size_t,
    flags: libc::c_uint,
) -> libc::ssize_t {
    if FIXED.load(Ordering::Relaxed) == 0 {
        // SAFETY: the caller's promises are passed on unchanged.
        return unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) }
            as libc::ssize_t;
    }
    for at in 0..length {
        // SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
        let mut z = FIXED.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        // SAFETY: `at` is below `length`, for which the caller promises the buffer is valid.
        unsafe { buffer.cast::<u8>().add(at).write((z ^ (z >> 31)) as u8) };
    }
    length as libc::ssize_t
}
