//! Buffers that are used again: a fresh page costs more than the work that is done on it, and pages
//! that have been touched once stay.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use crate::lines::Buffer;

/// A stock of vectors which keep their memory while nobody uses them. [`Pool::take`] lends one, which
/// comes back when it is dropped, on whichever thread.
///
/// It pays for buffers of a page and more, or for items that own several; an allocator is as fast for
/// small ones, and plain values are best left alone.
///
/// ```
/// use engines::Pool;
///
/// let pool = Pool::<u8>::new(8, 1 << 20);
/// let mut buffer = pool.take();
/// buffer.extend_from_slice(&[0; 4096]);
/// drop(buffer);
/// let again = pool.take();
/// assert!(again.is_empty() && again.capacity() >= 4096);
/// ```
#[derive(Debug)]
pub struct Pool<T> {
    idle: Mutex<Vec<Vec<T>>>,
    buffers: usize,
    bytes: usize,
}

impl<T> Pool<T> {
    /// A pool that keeps at most `buffers` idle vectors, of at most `bytes` heap bytes each: what is
    /// larger or more is freed when it comes back. An empty pool has allocated nothing.
    pub const fn new(buffers: usize, bytes: usize) -> Self {
        Pool {
            idle: Mutex::new(Vec::new()),
            buffers,
            bytes,
        }
    }

    /// Lends an empty vector: the one that came back last, which is the likeliest to be in a cache, or
    /// a new one that has allocated nothing.
    pub fn take(&self) -> Pooled<'_, T> {
        // Nothing panics while the lock is held, so that a poisoned one is still in order.
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        Pooled {
            buffer: idle.unwrap_or_default(),
            pool: self,
        }
    }
}

/// A vector lent by a [`Pool`]: use it as a `Vec`, drop it to give it back.
#[derive(Debug)]
pub struct Pooled<'p, T> {
    buffer: Vec<T>,
    pool: &'p Pool<T>,
}

impl<T> Drop for Pooled<'_, T> {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        // Outside the lock, because it may run the items' own `drop`.
        buffer.clear();
        let bytes = buffer.capacity() * size_of::<T>();
        if bytes == 0 || bytes > self.pool.bytes {
            return;
        }
        let mut idle = self
            .pool
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.pool.buffers {
            idle.push(buffer);
        }
    }
}

impl<T> Deref for Pooled<'_, T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.buffer
    }
}

impl<T> DerefMut for Pooled<'_, T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.buffer
    }
}

impl Buffer for Pooled<'_, u8> {
    fn space(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    fn grow(&mut self, size: usize) {
        self.buffer.grow(size);
    }

    fn held(&self) -> usize {
        self.buffer.held()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_no_more_than_it_may() {
        let pool = Pool::<u64>::new(1, 80);
        let (mut small, mut other, mut large) = (pool.take(), pool.take(), pool.take());
        small.reserve_exact(10);
        other.reserve_exact(10);
        large.reserve_exact(11);
        drop((large, other, small));
        assert_eq!(pool.take().capacity(), 10);
        let (first, second) = (pool.take(), pool.take());
        assert_eq!(first.capacity() + second.capacity(), 10);
    }
}
