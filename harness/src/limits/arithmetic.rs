//! Arithmetic on `f64`: additions and multiplications one at a time, multiply-adds and square roots in the
//! widest vectors, each with enough independent ones under way that only their number counts.

use std::hint::black_box;

use super::Taking;
use super::together::together;

/// The vectors that a block is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vectors {
    /// 64 bytes, with fused multiply-adds.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 32 bytes, with fused multiply-adds.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What every processor of the architecture has.
    Base,
}

/// Runs `f` compiled for the widest vectors of this processor. Only what is inlined into `f` gains from it.
#[inline(always)]
pub(super) fn widest<R>(f: impl FnOnce(Vectors) -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")]
        fn avx512<R>(f: impl FnOnce(Vectors) -> R) -> R {
            f(Vectors::Avx512)
        }
        #[target_feature(enable = "avx2,fma")]
        fn avx2<R>(f: impl FnOnce(Vectors) -> R) -> R {
            f(Vectors::Avx2)
        }
        let middle = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        if middle
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
        {
            // SAFETY: every feature that `avx512` enables has just been found.
            return unsafe { avx512(f) };
        }
        if middle {
            // SAFETY: both features that `avx2` enables have just been found.
            return unsafe { avx2(f) };
        }
    }
    f(Vectors::Base)
}

/// Steps of one round.
const STEPS: u64 = 1_000;

pub(super) fn measure(taking: &mut Taking) {
    for threads in taking.threads.clone() {
        for (name, work) in [
            ("add-scalar", scalar(true)),
            ("multiply-scalar", scalar(false)),
        ] {
            match work {
                Ok(work) => one(taking, name, threads, STEPS * CHAINS, work),
                Err(why) => taking.note(name, threads, "count", Err(why)),
            }
        }
        let lanes = widest(|vectors| match vectors {
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512 => MANY,
            _ => FEW,
        });
        let adds = STEPS * lanes as u64;
        one(taking, "multiply-add-vector", threads, adds, multiply_adds);
        let roots = STEPS * ROOTS as u64;
        one(taking, "square-root-vector", threads, roots, square_roots);
    }
}

fn one(taking: &mut Taking, name: &str, threads: usize, amount: u64, work: fn(u64)) {
    let found = together(
        threads,
        taking.each,
        amount,
        |_| Ok(()),
        |(), rounds| {
            (0..rounds).for_each(|_| work(STEPS));
            Ok(())
        },
    );
    taking.note(name, threads, "count", found);
}

/// Independent sums: as many as fill the registers, and more than are under way at any time.
#[cfg(target_arch = "x86_64")]
const MANY: usize = 96;
const FEW: usize = 40;

fn multiply_adds(steps: u64) {
    widest(
        #[inline(always)]
        |vectors| match vectors {
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512 => chains::<MANY>(steps, f64::mul_add),
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx2 => chains::<FEW>(steps, f64::mul_add),
            #[cfg(target_arch = "x86_64")]
            // Without the instruction `mul_add` calls a function.
            Vectors::Base => chains::<FEW>(steps, |x, a, b| x * a + b),
            #[cfg(not(target_arch = "x86_64"))]
            Vectors::Base => chains::<FEW>(steps, f64::mul_add),
        },
    );
}

#[inline(always)]
fn chains<const N: usize>(steps: u64, next: impl Fn(f64, f64, f64) -> f64) {
    let (a, b) = black_box((0.999, 0.001));
    let mut sums: [f64; N] = black_box([1.5; N]);
    for _ in 0..steps {
        for sum in &mut sums {
            *sum = next(*sum, a, b);
        }
    }
    black_box(sums);
}

/// Numbers that roots are taken of in one step; they stay in the first-level cache.
const ROOTS: usize = 64;

fn square_roots(steps: u64) {
    let mut numbers = [0.0; ROOTS];
    for (i, number) in numbers.iter_mut().enumerate() {
        *number = 1.0 + 17.3 * i as f64;
    }
    let numbers = black_box(numbers);
    widest(
        #[inline(always)]
        |_| {
            let mut sums = [0.0; ROOTS];
            // Nothing tells the compiler that it takes the same roots again.
            let mut shift = 0.0;
            for _ in 0..steps {
                for (sum, number) in sums.iter_mut().zip(numbers) {
                    *sum += (number + shift).sqrt();
                }
                shift += 0.125;
            }
            black_box(sums);
        },
    );
}

/// Chains of single operations, one for each register but one.
const CHAINS: u64 = 15;

/// Work that adds, or multiplies, one number at a time. A compiler would do several at once, which is why
/// these are instructions.
#[cfg(target_arch = "x86_64")]
fn scalar(add: bool) -> Result<fn(u64), String> {
    macro_rules! chains {
        ($operation:literal) => {{
            fn work(steps: u64) {
                // SAFETY: changes nothing but the registers that it names.
                unsafe {
                    std::arch::asm!(
                        "2:",
                        concat!($operation, " xmm0, xmm15"),
                        concat!($operation, " xmm1, xmm15"),
                        concat!($operation, " xmm2, xmm15"),
                        concat!($operation, " xmm3, xmm15"),
                        concat!($operation, " xmm4, xmm15"),
                        concat!($operation, " xmm5, xmm15"),
                        concat!($operation, " xmm6, xmm15"),
                        concat!($operation, " xmm7, xmm15"),
                        concat!($operation, " xmm8, xmm15"),
                        concat!($operation, " xmm9, xmm15"),
                        concat!($operation, " xmm10, xmm15"),
                        concat!($operation, " xmm11, xmm15"),
                        concat!($operation, " xmm12, xmm15"),
                        concat!($operation, " xmm13, xmm15"),
                        concat!($operation, " xmm14, xmm15"),
                        "dec {steps}",
                        "jnz 2b",
                        steps = inout(reg) steps.max(1) => _,
                        inout("xmm0") 1.0f64 => _, inout("xmm1") 1.0f64 => _,
                        inout("xmm2") 1.0f64 => _, inout("xmm3") 1.0f64 => _,
                        inout("xmm4") 1.0f64 => _, inout("xmm5") 1.0f64 => _,
                        inout("xmm6") 1.0f64 => _, inout("xmm7") 1.0f64 => _,
                        inout("xmm8") 1.0f64 => _, inout("xmm9") 1.0f64 => _,
                        inout("xmm10") 1.0f64 => _, inout("xmm11") 1.0f64 => _,
                        inout("xmm12") 1.0f64 => _, inout("xmm13") 1.0f64 => _,
                        inout("xmm14") 1.0f64 => _, in("xmm15") 1.0f64,
                        options(nomem, nostack),
                    );
                }
            }
            work
        }};
    }
    Ok(if add {
        chains!("addsd")
    } else {
        chains!("mulsd")
    })
}

#[cfg(not(target_arch = "x86_64"))]
fn scalar(_: bool) -> Result<fn(u64), String> {
    Err("written for x86-64 only".to_owned())
}
