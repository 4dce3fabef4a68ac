//! Run-time choice of the instruction set: one executable runs everywhere and still uses the vector
//! units that are there. Nothing is compiled for a particular machine, so Valgrind, which knows AVX2
//! at most, runs the same executable.

/// Runs `f` compiled for the best instruction set of this processor.
///
/// Only what is inlined into `f` gains from it: a call that stays a call is compiled for the base
/// instruction set, and one such call in a hot loop costs up to 35 times.
#[inline(always)]
pub(crate) fn dispatch<R>(f: impl FnOnce() -> R) -> R {
    dispatch_to(true, f)
}

/// As [`dispatch`], with vectors of 64 bytes only if `widest`.
///
/// A load of 64 bytes that is not aligned touches two cache lines, always; one of 32 bytes every other
/// time. Overlapping windows cannot be aligned, and read 1.7 times as fast with 32 bytes.
#[inline(always)]
pub(crate) fn dispatch_to<R>(widest: bool, f: impl FnOnce() -> R) -> R {
    #[cfg(not(target_arch = "x86_64"))]
    let _ = widest;
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(
            enable = "avx512f,avx512dq,avx512vl,avx512bw,avx512cd,avx2,fma,bmi1,bmi2,lzcnt,popcnt"
        )]
        #[inline]
        fn v4<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
        #[inline]
        fn v3<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        if widest && has_v4() {
            // SAFETY: every feature that `v4` enables has just been found.
            return unsafe { v4(f) };
        }
        if has_v3() {
            // SAFETY: every feature that `v3` enables has just been found.
            return unsafe { v3(f) };
        }
    }
    // On AArch64 the base instruction set already has NEON.
    f()
}

/// Whether the processor has what `v4` enables.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn has_v4() -> bool {
    has_v3()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512cd")
}

/// Whether the processor has what `v3` enables.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn has_v3() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
}

/// The instruction set that [`dispatch_to`] picks, in words.
pub(crate) fn instruction_set(widest: bool) -> &'static str {
    #[cfg(target_arch = "x86_64")]
    return match (widest && has_v4(), has_v3()) {
        (true, _) => "AVX-512, 64 bytes",
        (false, true) => "AVX2, 32 bytes",
        (false, false) => "SSE2, 16 bytes",
    };
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = widest;
        match cfg!(target_arch = "aarch64") {
            true => "NEON, 16 bytes",
            false => "what the compiler takes for granted",
        }
    }
}
