//! A clean-up under pressure, seen from outside: memory that the process has freed but its allocator
//! has kept goes back to the system, and pools are empty afterwards.

#![cfg(all(feature = "memory-optimized", target_os = "linux", target_env = "gnu"))]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use engines::{Engine, Levels, MemoryOptimized, Pipeline, Pool, Pressure, collect, iter};

const MIB: u64 = 1 << 20;

fn resident() -> u64 {
    Pressure::now().resident.unwrap()
}

/// Small blocks, of which only the last stays: glibc cannot give back what lies below it on its own.
fn ballast() -> Box<[u8; 100]> {
    let blocks: Vec<_> = (0..600_000).map(|i| Box::new([i as u8; 100])).collect();
    blocks.into_iter().next_back().unwrap()
}

fn run(engine: &MemoryOptimized) {
    let half = Pipeline::new().map(|n: u32| n / 2);
    let halves = engine.run(iter(0..100_000), &half, collect()).unwrap();
    assert_eq!(halves.len(), 100_000);
    assert!(halves.iter().zip(0u32..).all(|(half, n)| *half == n / 2));
}

/// The one test of this binary, so that it has a process of its own.
#[test]
fn memory_goes_back_when_it_is_scarce() {
    static POOL: Pool<Vec<u8>> = Pool::buffers(4, 1 << 20);
    let cleanings = Arc::new(AtomicUsize::new(0));
    let engine = |levels| {
        let cleanings = cleanings.clone();
        MemoryOptimized::default()
            .clean_up_above(levels)
            .when_cleaning(move |_| {
                cleanings.fetch_add(1, Relaxed);
                POOL.drain();
            })
    };
    // Out of reach, so that only what the test sets counts on a machine that is short of memory.
    let never = Levels {
        resident: None,
        share: f64::INFINITY,
        stall: f64::INFINITY,
    };
    POOL.take().extend([0; 1 << 16]);
    let least = resident();
    let kept = ballast();
    let before = resident();
    assert!(before > least + 40 * MIB, "{before} after {least}");

    run(&engine(never));
    assert_eq!(cleanings.load(Relaxed), 0);
    assert_eq!(POOL.take().capacity(), 1 << 16);
    assert!(resident() > before - 4 * MIB);

    let levels = Levels {
        resident: Some(before - 20 * MIB),
        ..never
    };
    run(&engine(levels));
    assert_eq!(cleanings.load(Relaxed), 1);
    assert_eq!(POOL.take().capacity(), 0);
    let after = resident();
    assert!(after < before - 40 * MIB, "{after} after {before}");
    drop(kept);
}
