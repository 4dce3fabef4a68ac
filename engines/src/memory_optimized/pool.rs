//! Objects that are used again: a fresh page costs more than the work that is done on it, and pages
//! that have been touched once stay.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::lines::Buffer;

/// A stock of objects that own heap memory and keep it while nobody uses them. [`Pool::take`] lends one,
/// which comes back when it is dropped, on whichever thread.
///
/// It pays for buffers of a page and more, and for objects that own several; an allocator is as fast for
/// small ones, and plain values are best left alone.
///
/// ```
/// use engines::Pool;
///
/// let pool = Pool::buffers(8, 1 << 20);
/// let mut buffer = pool.take();
/// buffer.extend_from_slice(&[0u8; 4096]);
/// drop(buffer);
/// let again = pool.take();
/// assert!(again.is_empty() && again.capacity() >= 4096);
/// ```
///
/// A vector of strings that is cleared loses the strings. [`Pool::new`] takes what is to be done instead:
///
/// ```
/// use engines::Pool;
///
/// /// Rows, of which the first `used` count: the others keep their memory.
/// #[derive(Default)]
/// struct Rows {
///     rows: Vec<String>,
///     used: usize,
/// }
///
/// impl Rows {
///     fn add(&mut self) -> &mut String {
///         if self.used == self.rows.len() {
///             self.rows.push(String::new());
///         }
///         self.used += 1;
///         let row = &mut self.rows[self.used - 1];
///         row.clear();
///         row
///     }
/// }
///
/// let pool = Pool::new(4, 1 << 20, |rows: &mut Rows| {
///     rows.used = 0;
///     rows.rows.iter().map(String::capacity).sum()
/// });
/// let mut rows = pool.take();
/// rows.add().push_str("a row that is long enough to own memory");
/// drop(rows);
/// let mut rows = pool.take();
/// assert_eq!(rows.used, 0);
/// assert!(rows.add().capacity() >= 39);
/// ```
#[derive(Debug)]
pub struct Pool<T> {
    idle: Mutex<Vec<T>>,
    objects: usize,
    bytes: usize,
    empty: fn(&mut T) -> usize,
}

impl<T> Pool<Vec<T>> {
    /// A pool that keeps at most `buffers` idle vectors, of at most `bytes` heap bytes each: what is
    /// larger or more is freed when it comes back. A vector comes back empty; what its items own is
    /// freed. An empty pool has allocated nothing.
    pub const fn buffers(buffers: usize, bytes: usize) -> Self {
        Pool::new(buffers, bytes, |buffer| {
            buffer.clear();
            buffer.capacity() * size_of::<T>()
        })
    }
}

impl<T> Pool<T> {
    /// A pool that keeps at most `objects` idle objects, of at most `bytes` heap bytes each. `empty` is
    /// called with an object that comes back: it makes it fit to be used again and returns the heap
    /// bytes that it keeps. One that keeps none is dropped, as is what is larger or more.
    pub const fn new(objects: usize, bytes: usize, empty: fn(&mut T) -> usize) -> Self {
        Pool {
            idle: Mutex::new(Vec::new()),
            objects,
            bytes,
            empty,
        }
    }

    /// Lends an empty object: the one that came back last, which is the likeliest to be in a cache, or
    /// a new one.
    pub fn take(&self) -> Pooled<'_, T>
    where
        T: Default,
    {
        let idle = self.idle().pop();
        Pooled {
            object: Some(idle.unwrap_or_default()),
            pool: self,
        }
    }

    /// Drops the idle objects and returns how many there were. Those that are lent come back as always.
    pub fn drain(&self) -> usize {
        // They are dropped outside the lock, because that may run code of the user's.
        let idle = std::mem::take(&mut *self.idle());
        idle.len()
    }

    /// Nothing panics while the lock is held, so that a poisoned one is still in order.
    fn idle(&self) -> MutexGuard<'_, Vec<T>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An object lent by a [`Pool`]: use it as what it is, drop it to give it back.
#[derive(Debug)]
pub struct Pooled<'p, T> {
    /// There until it is dropped.
    object: Option<T>,
    pool: &'p Pool<T>,
}

impl<T> Drop for Pooled<'_, T> {
    fn drop(&mut self) {
        let Some(mut object) = self.object.take() else {
            return;
        };
        // Outside the lock, because it is code of the user's.
        let bytes = (self.pool.empty)(&mut object);
        if bytes == 0 || bytes > self.pool.bytes {
            return;
        }
        let mut idle = self.pool.idle();
        if idle.len() < self.pool.objects {
            idle.push(object);
        } else {
            drop(idle);
            drop(object);
        }
    }
}

const THERE: &str = "an object is there until it is dropped";

impl<T> Deref for Pooled<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.object.as_ref().expect(THERE)
    }
}

impl<T> DerefMut for Pooled<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.object.as_mut().expect(THERE)
    }
}

impl Buffer for Pooled<'_, Vec<u8>> {
    fn space(&mut self) -> &mut [u8] {
        self
    }

    fn grow(&mut self, size: usize) {
        (**self).grow(size);
    }

    fn shrink(&mut self, size: usize) {
        (**self).shrink(size);
    }

    fn held(&self) -> usize {
        (**self).held()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_no_more_than_it_may() {
        let pool = Pool::<Vec<u64>>::buffers(1, 80);
        let (mut small, mut other, mut large) = (pool.take(), pool.take(), pool.take());
        small.reserve_exact(10);
        other.reserve_exact(10);
        large.reserve_exact(11);
        drop((large, other, small));
        assert_eq!(pool.take().capacity(), 10);
        let (first, second) = (pool.take(), pool.take());
        assert_eq!(first.capacity() + second.capacity(), 10);
        drop((first, second));
        assert_eq!(pool.drain(), 1);
        assert_eq!(pool.take().capacity(), 0);
        assert_eq!(pool.drain(), 0);
    }

    #[test]
    fn an_object_that_cannot_be_emptied_is_not_kept() {
        let pool = Pool::new(1, 80, |_: &mut Vec<u8>| panic!("on purpose"));
        let mut object = pool.take();
        object.push(1);
        let dropped = std::panic::AssertUnwindSafe(|| drop(object));
        assert!(std::panic::catch_unwind(dropped).is_err());
        assert_eq!(pool.drain(), 0);
        assert!(std::mem::ManuallyDrop::new(pool.take()).is_empty());
    }
}
