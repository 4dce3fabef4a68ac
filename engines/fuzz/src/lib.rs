//! What the targets share: lines by the simplest rule, a reader that is no help, and the engines.

use std::io::{self, ErrorKind, Read};

/// The records of a text by the rule in the documentation of `Records`, byte by byte.
pub fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = vec![];
    let mut line = vec![];
    for byte in text {
        if *byte == b'\n' {
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            lines.push(std::mem::take(&mut line));
        } else {
            line.push(*byte);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Yields a text in pieces of two sizes in turn, interrupted now and then, and may fail at its end.
pub struct Dribs<'t> {
    text: &'t [u8],
    sizes: [usize; 2],
    interrupted: usize,
    reads: usize,
    fails: bool,
}

impl<'t> Dribs<'t> {
    /// Every `interrupted`th read is interrupted, none if that is 0 or 1.
    pub fn new(text: &'t [u8], sizes: [usize; 2], interrupted: usize, fails: bool) -> Self {
        Dribs {
            text,
            sizes,
            interrupted,
            reads: 0,
            fails,
        }
    }
}

impl Read for Dribs<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        if self.interrupted > 1 && self.reads.is_multiple_of(self.interrupted) {
            return Err(ErrorKind::Interrupted.into());
        }
        if self.text.is_empty() && self.fails {
            return Err(io::Error::other("the wire is cut"));
        }
        let n = out.len().min(self.sizes[self.reads % 2].max(1));
        self.text.read(&mut out[..n])
    }
}

/// Runs a check with the engine that a byte of the input picks, in chunks of so many bytes where that can
/// be set: five times as many inputs a second as with all of them. It is a macro because a closure
/// cannot be generic.
#[macro_export]
macro_rules! with_engine {
    ($pick:expr, $chunk:expr, $check:expr) => {{
        let chunk: usize = $chunk;
        match $pick % 5 {
            0 => $check(&engines::MemoryOptimized::default()),
            1 => $check(&engines::CacheAware::default().block_bytes(chunk)),
            2 => $check(&engines::Async::default().chunk_bytes(chunk)),
            3 => $check(&engines::Streaming::default().chunk_bytes(chunk)),
            _ => {
                // More workers than there may be processors, all of them woken.
                let parallel = engines::Parallel::default().workers(3).chunk_bytes(chunk);
                $check(&parallel.worth_waking(std::time::Duration::ZERO));
            }
        }
    }};
}
