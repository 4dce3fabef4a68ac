//! A byte buffer that begins at a cache line, so that the kernel's copies into it and the vector
//! loads out of it touch no line twice. It is kept between uses.

use crate::lines::Buffer;

/// Bytes that one line has on the processors at hand; where it is longer, nothing is lost but the
/// alignment to the second half.
const LINE: usize = 64;

/// A buffer of bytes which begins at a multiple of 64.
///
/// The allocation is a line longer than the buffer, which begins at the first multiple within it:
/// that needs no `unsafe`, and one addition when the space is asked for.
#[derive(Debug, Default)]
pub(crate) struct AlignedBuffer {
    memory: Vec<u8>,
    offset: usize,
    length: usize,
}

impl Buffer for AlignedBuffer {
    fn space(&mut self) -> &mut [u8] {
        &mut self.memory[self.offset..self.offset + self.length]
    }

    fn grow(&mut self, size: usize) {
        if size <= self.length {
            return;
        }
        // Fresh memory from the allocator is known to be zero and need not be written here.
        let memory = vec![0; size + LINE - 1];
        let offset = memory.as_ptr().align_offset(LINE).min(LINE - 1);
        let old = std::mem::replace(&mut self.memory, memory);
        self.memory[offset..offset + self.length]
            .copy_from_slice(&old[self.offset..self.offset + self.length]);
        self.offset = offset;
        self.length = size;
    }

    fn held(&self) -> usize {
        self.memory.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_contents_and_its_alignment() {
        let mut buffer = AlignedBuffer::default();
        assert!(buffer.space().is_empty());
        for size in [1, 5, 64, 63, 1000, 100_000] {
            buffer.grow(size);
            let space = buffer.space();
            assert!(space.len() >= size);
            if !cfg!(miri) {
                assert_eq!(space.as_ptr() as usize % LINE, 0);
            }
            space[0] = 42;
            assert_eq!(space[0], 42);
        }
        buffer.grow(200_000);
        assert_eq!(buffer.space()[0], 42);
        assert!(buffer.held() >= 200_000);
    }
}
