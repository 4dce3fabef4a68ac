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
        if widest
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512cd")
        {
            // SAFETY: every feature that `v4` enables has just been found, or is implied by AVX-512.
            return unsafe { v4(f) };
        }
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
        {
            // SAFETY: every feature that `v3` enables has just been found (AVX2 implies POPCNT).
            return unsafe { v3(f) };
        }
    }
    // On AArch64 the base instruction set already has NEON.
    f()
}
