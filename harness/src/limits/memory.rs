//! Memory: reading, writing and copying within the second-level caches, within the last-level cache, and
//! far beyond them; there also with stores that pass the caches by.

use std::hint::black_box;
use std::sync::Mutex;

use engines::Caches;

use super::Taking;
use super::arithmetic::widest;
use super::together::together;
use crate::host;

/// Numbers that go through one step of a loop: enough of them to keep eight vectors of 64 bytes under way.
pub(super) type Step = [u64; 64];

/// A step that begins where a cache line does.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Block(Step);

const BLOCK: usize = size_of::<Block>();

type Work = fn(&mut [Block], u64);

pub(super) fn measure(taking: &mut Taking) {
    let caches = Caches::detect();
    let available = host::memory().map_or(1 << 30, |(_, available)| available as usize);
    let far = (4 * caches.last)
        .clamp(64 << 20, 1 << 30)
        .min(available / 8);
    let mut arena = vec![Block([1; 64]); far / BLOCK];
    for threads in taking.threads.clone() {
        let share = far / threads;
        let last = (caches.last / 4 / threads).max(2 * caches.l2).min(share);
        let levels = [("l2", caches.l2 / 2), ("l3", last), ("memory", share)];
        for (level, bytes) in levels {
            let works: [(&str, Work, usize); 3] =
                [("read", read, 1), ("write", write, 1), ("copy", copy, 2)];
            for (name, work, parts) in works {
                let name = format!("{name}-{level}");
                one(taking, &mut arena, &name, threads, bytes, parts, work);
            }
        }
        let name = "copy-memory-streaming";
        match streaming() {
            Ok(work) => one(taking, &mut arena, name, threads, share, 2, work),
            Err(why) => taking.note(name, threads, "bytes", Err(why)),
        }
    }
}

/// Measures one work on `bytes` for each thread, of which each round does one of `parts`.
fn one(
    taking: &mut Taking,
    arena: &mut [Block],
    name: &str,
    threads: usize,
    bytes: usize,
    parts: usize,
    work: Work,
) {
    // An even number: a copy has two halves.
    let blocks = bytes / BLOCK / 2 * 2;
    let size = arena.len() / threads;
    let places: Vec<_> = arena
        .chunks_mut(size.max(1))
        .map(|part| Mutex::new(Some(part)))
        .collect();
    let own = |place: usize| {
        let part = places.get(place).and_then(|part| part.lock().ok()?.take());
        let part = part.and_then(|part| part.get_mut(..blocks));
        part.ok_or_else(|| std::io::Error::other("too little memory"))
    };
    let amount = (blocks * BLOCK / parts) as u64;
    let found = together(threads, taking.each, amount, own, |part, rounds| {
        work(part, rounds);
        Ok(())
    });
    taking.note(name, threads, "bytes", found);
}

/// The sums of steps, number by number. How the loops are written matters: only so does the compiler keep
/// the sums in as many vectors and read from one place after the other.
#[inline(always)]
pub(super) fn sums<'a>(steps: impl Iterator<Item = &'a Step>) -> Step {
    let mut sums = [0u64; 64];
    for step in steps {
        for (sum, number) in sums.iter_mut().zip(step) {
            *sum = sum.wrapping_add(*number);
        }
    }
    sums
}

fn read(part: &mut [Block], rounds: u64) {
    for _ in 0..rounds {
        let blocks: &[Block] = black_box(part);
        black_box(widest(
            #[inline(always)]
            |_| sums(blocks.iter().map(|block| &block.0)),
        ));
    }
}

fn write(part: &mut [Block], rounds: u64) {
    for round in 1..=rounds {
        let blocks = black_box(&mut *part);
        widest(
            #[inline(always)]
            |_| {
                for block in blocks {
                    *block = Block([round; 64]);
                }
            },
        );
    }
    black_box(part);
}

fn copy(part: &mut [Block], rounds: u64) {
    let (from, to) = part.split_at_mut(part.len() / 2);
    for _ in 0..rounds {
        let (from, to) = (black_box(&*from), black_box(&mut *to));
        widest(
            #[inline(always)]
            |_| {
                for (from, to) in from.iter().zip(to) {
                    *to = *from;
                }
            },
        );
    }
    black_box(to);
}

#[cfg(target_arch = "x86_64")]
fn streaming() -> Result<Work, String> {
    use std::arch::x86_64::{
        __m256i, __m512i, _mm_sfence, _mm256_load_si256, _mm256_stream_si256, _mm512_load_si512,
        _mm512_stream_si512,
    };

    #[target_feature(enable = "avx512f")]
    fn with_512_bits(from: &[Block], to: &mut [Block]) {
        for (from, to) in from.iter().zip(to) {
            let (from, to) = (&raw const *from, &raw mut *to);
            let (from, to) = (from.cast::<__m512i>(), to.cast::<__m512i>());
            for at in 0..BLOCK / size_of::<__m512i>() {
                // SAFETY: a block is so many vectors, aligned to their size, and both are borrowed.
                unsafe { _mm512_stream_si512(to.add(at), _mm512_load_si512(from.add(at))) };
            }
        }
        // Such stores are out of order until this.
        _mm_sfence();
    }

    #[target_feature(enable = "avx")]
    fn with_256_bits(from: &[Block], to: &mut [Block]) {
        for (from, to) in from.iter().zip(to) {
            let (from, to) = (&raw const *from, &raw mut *to);
            let (from, to) = (from.cast::<__m256i>(), to.cast::<__m256i>());
            for at in 0..BLOCK / size_of::<__m256i>() {
                // SAFETY: a block is so many vectors, aligned to more than their size, and both are borrowed.
                unsafe { _mm256_stream_si256(to.add(at), _mm256_load_si256(from.add(at))) };
            }
        }
        _mm_sfence();
    }

    fn all(part: &mut [Block], rounds: u64) {
        let (from, to) = part.split_at_mut(part.len() / 2);
        for _ in 0..rounds {
            let (from, to) = (black_box(&*from), black_box(&mut *to));
            if is_x86_feature_detected!("avx512f") {
                // SAFETY: the feature has just been found.
                unsafe { with_512_bits(from, to) };
            } else {
                // SAFETY: `streaming` has found the feature.
                unsafe { with_256_bits(from, to) };
            }
        }
        black_box(to);
    }

    match is_x86_feature_detected!("avx") {
        true => Ok(all),
        false => Err("needs AVX".to_owned()),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn streaming() -> Result<Work, String> {
    Err("written for x86-64 only".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_copies() {
        let mut works: Vec<Work> = vec![copy];
        works.extend(streaming());
        for work in works {
            let mut part: Vec<Block> = (0..64).map(|i| Block([i; 64])).collect();
            work(&mut part, 1);
            let (from, to) = part.split_at(32);
            assert!(from.iter().zip(to).all(|(from, to)| from.0 == to.0));
        }
        let mut part = vec![Block([0; 64]); 64];
        write(&mut part, 3);
        assert!(part.iter().all(|block| block.0 == [3; 64]));
        let all = sums(part.iter().map(|block| &block.0));
        assert_eq!(all, [3 * 64; 64]);
    }
}
