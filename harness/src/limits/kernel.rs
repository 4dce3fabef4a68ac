//! What memory costs before it is used: page faults, and allocations that are freed again.

use std::hint::black_box;

use super::Taking;
use super::together::together;

/// Blocks that are held at a time, of this many bytes each.
const BLOCKS: usize = 256;
const BYTES: usize = 64;

pub(super) fn measure(taking: &mut Taking) {
    for threads in taking.threads.clone() {
        let found = faults(taking, threads);
        taking.note("page-fault", threads, "count", found);
        let found = together(
            threads,
            taking.each,
            BLOCKS as u64,
            |_| Ok(Vec::with_capacity(BLOCKS)),
            |blocks: &mut Vec<Box<[u8; BYTES]>>, rounds| {
                for _ in 0..rounds {
                    blocks.extend((0..BLOCKS).map(|_| black_box(Box::new([0; BYTES]))));
                    black_box(&mut *blocks).clear();
                }
                Ok(())
            },
        );
        taking.note("allocation", threads, "count", found);
    }
}

/// Touches each page of fresh memory once.
#[cfg(target_os = "linux")]
fn faults(taking: &Taking, threads: usize) -> Result<super::together::Timed, String> {
    use super::storage::Mapping;
    const PAGES: usize = 512;
    const PAGE: usize = 4096;
    together(
        threads,
        taking.each,
        PAGES as u64,
        |_| Ok(()),
        |(), rounds| {
            for _ in 0..rounds {
                let mut fresh = Mapping::fresh(PAGES * PAGE)?;
                for page in fresh.bytes_mut().chunks_mut(PAGE) {
                    page[0] = 1;
                }
                black_box(fresh.bytes_mut());
            }
            Ok(())
        },
    )
}

#[cfg(not(target_os = "linux"))]
fn faults(_: &Taking, _: usize) -> Result<super::together::Timed, String> {
    Err("needs Linux".to_owned())
}
